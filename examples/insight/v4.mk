# SPDX-License-Identifier: BSD-3-Clause
# The page on real responses: macaque V4 (Cowley et al.; sessions of one animal each) and SqueezeNet 1.1 with its ImageNet weights.
#   make -f v4.mk -j2 V4=<folder with images/ and responses/> WEIGHTS=<squeezenet1_1.safetensors> [LABELLED=<class folders>]
# The recordings are of one array an animal: there are no hemispheres to compare.
BIN ?= ../../build/release/bin
OUT ?= out/v4
V4 ?= ../../../shared/data/v4
WEIGHTS ?= ../../../shared/data/weights/squeezenet1_1.safetensors
SESSIONS ?= 190923 201025 210621
EPOCHS ?= 20
THREADS ?= 1
# Pictures by class that the networks were not tuned on, for the classifiers; by default simulated ones.
LABELLED ?= $(OUT)/things/train
LABELS := $(if $(filter $(OUT)/things/train,$(LABELLED)),$(OUT)/things/simulation.json,$(LABELLED))
ifeq ($(wildcard $(V4)/images)$(filter clean,$(MAKECMDGOALS)),)
$(error $(V4) has no images/: give the data by V4=<folder> (public repository cowleygroup/V4_compact_models) and WEIGHTS=<file>)
endif
export PATH := $(abspath $(BIN)):$(PATH)
COMMON := --threads $(THREADS) --quiet --overwrite
METHODS := infonce mse
NETWORKS := $(foreach s,$(SESSIONS),$(foreach m,$(METHODS),$s.$m))

page: $(OUT)/insight.html
	@echo "$(abspath $<)"

$(OUT)/things/simulation.json:
	@mkdir -p $(OUT)
	nsd-simulate --labelled $(OUT)/things --per-class 50 --val-per-class 1 --image-size 112 $(COMMON)
$(OUT)/untuned.model.h5: $(WEIGHTS)
	@mkdir -p $(OUT)
	model-convert $< --image-size 112 --quiet --overwrite -o $@
# Sessions reuse file names for other pictures, so each is a namespace of its own.
$(SESSIONS:%=$(OUT)/%.h5): $(OUT)/%.h5: $(V4)/images/images_%.zip $(V4)/responses/responses_%.npy
	@mkdir -p $(OUT)
	nsd-extract table --images $(V4)/images/images_$*.zip --responses $(V4)/responses/responses_$*.npy \
	    --namespace v4-$* --roi-name V4 --size 112 --test-share .2 --normalize $(COMMON) -o $@

define network
$(OUT)/$1.$2.model.h5: $(OUT)/$1.h5 $(OUT)/untuned.model.h5
	cl-finetune $$< --weights $(OUT)/untuned.model.h5 --hemi all --roi V4 --loss $2 --lr 1e-4 --batch 240 --epochs $(EPOCHS) --seed 1 $(COMMON) -o $$@
endef
$(foreach s,$(SESSIONS),$(foreach m,$(METHODS),$(eval $(call network,$s,$m))))
define information
$(OUT)/$1.information.h5: $(OUT)/$1.h5 $(OUT)/$1.infonce.model.h5
	feature-extract $$^ --embeddings --split test $(COMMON) -o $$@.embeddings
	mi-bound $$@.embeddings $(COMMON) -o $$@ > /dev/null
$(OUT)/$1.encoding.h5: $(OUT)/$1.h5 $(OUT)/untuned.model.h5
	ridge-encode $$^ --save-weights $(COMMON) -o $$@
$(OUT)/$1.fields.h5: $(OUT)/$1.h5 $(OUT)/untuned.model.h5 $(OUT)/$1.encoding.h5
	field-map $$^ --split test $(COMMON) -o $$@ > /dev/null
$(OUT)/$1.response.h5: $(OUT)/$1.h5 $(OUT)/untuned.model.h5 $(OUT)/$1.encoding.h5
	salience-map $(OUT)/$1.h5 $(OUT)/untuned.model.h5 --encoding $(OUT)/$1.encoding.h5 --method hirescam --flip-control --checks --split test $(COMMON) -o $$@ > /dev/null
$(OUT)/$1.pair.h5: $(OUT)/$1.h5 $(OUT)/$1.infonce.model.h5
	salience-map $$^ --pair --checks --flip-control --split test $(COMMON) -o $$@ > /dev/null
endef
$(foreach s,$(SESSIONS),$(eval $(call information,$s)))

$(OUT)/%.features.h5: $(OUT)/%.model.h5 | $(LABELS)
	feature-extract $(LABELLED) $< --layers features.12 --pool mean $(COMMON) -o $@
PROBE := --layer features.12 --C 0.01 --test-share .4
include classes.mk

FOUND := $(SESSIONS:%=$(OUT)/%.fields.h5) $(OUT)/landscape.h5 $(PROBES) $(SESSIONS:%=$(OUT)/%.information.h5) $(SESSIONS:%=$(OUT)/%.response.h5) $(SESSIONS:%=$(OUT)/%.pair.h5)
$(OUT)/insight.html: $(FOUND)
	insight-report $^ --title "What SqueezeNet tuned to macaque V4 sees" \
	    --note "Classifiers of the classes in $(notdir $(patsubst %/train,%,$(LABELLED))). One array an animal: there are no hemispheres to compare." $(COMMON) -o $@

clean:
	rm -rf $(OUT)
.PHONY: page clean
.SECONDARY:
.DELETE_ON_ERROR:
