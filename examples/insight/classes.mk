# SPDX-License-Identifier: BSD-3-Clause
# From features of the untuned network and of $(NETWORKS) to classifiers ($(PROBE): their options) and the landscape of networks.
$(OUT)/untuned.probe.h5: $(OUT)/untuned.features.h5
	class-probe $< $(PROBE) $(COMMON) -o $@ > /dev/null
$(OUT)/%.probe.h5: $(OUT)/%.features.h5 $(OUT)/untuned.probe.h5
	class-probe $< $(PROBE) --reference $(OUT)/untuned.probe.h5 $(COMMON) -o $@ > /dev/null
PROBES := $(OUT)/untuned.probe.h5 $(NETWORKS:%=$(OUT)/%.probe.h5)
$(OUT)/landscape.h5: $(PROBES)
	model-landscape $^ $(COMMON) -o $@ > /dev/null
