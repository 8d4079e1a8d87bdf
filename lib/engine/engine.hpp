// SPDX-License-Identifier: BSD-3-Clause
// The jobs that need LibTorch, as plain structs: a tool fills one, loads the engine
// library and hands it over. Nothing here includes LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/launch.hpp"
#include "core/reporter.hpp"
#include "encode/protocol.hpp"
#include "h5/provenance.hpp"
#include "salience/fields.hpp"
#include "salience/summary.hpp"
#include "train/options.hpp"

namespace cortune::engine {

// Common to all jobs.
struct Run {
    h5::Record record;  // of the command; the job adds inputs, parents, libraries
    std::filesystem::path output;
    bool overwrite = false;
    std::int64_t seed = 0;
    int threads = 1;
    std::string device = "cpu";  // auto, cpu, cuda, cuda:N
};

// Which responses: one hemisphere and one ROI ("A+B": a union).
struct RoiChoice {
    std::string hemisphere, roi_class, roi;
};

struct FinetuneJob {
    Run run;
    std::vector<std::filesystem::path> datasets;  // one a subject
    std::filesystem::path weights;           // model file, safetensors or .pth
    RoiChoice roi;
    train::TuningOptions options;
    std::string store = "float32";           // weights/storage.hpp
    std::filesystem::path loss_curve;        // TSV; empty: none
    std::filesystem::path checkpoint;        // empty: none is kept
    int checkpoint_every = 1;                // epochs
    bool resume = false;                     // from `checkpoint`, where it is there
    Launch launch;                           // the processes that share the work
};

// How features are made and responses fitted, whatever is encoded.
struct EncodeSettings {
    std::vector<std::string> layers;         // empty: the backbone's default taps
    int folds = 5;
    std::int64_t fold_seed = 0;
    encode::RidgeOptions ridge;
    int min_voxels = 20;
    std::uint64_t memory = 0;                // 0: half of what is free
    std::filesystem::path scratch;           // folder for features that do not fit; empty: $TMPDIR
    int batch = 64;
};

// Which pictures, and how they come to the network's size.
struct PictureChoice {
    std::filesystem::path images;            // data set, folder or zip archive
    std::string split = "all";               // of a data set: all, train, test, official_test
    std::string fit = "squash";              // a folder's pictures to the network's size: squash, crop
    std::string image_namespace;             // of a folder's ids; empty: its name
};

// Another protocol for the same network, data set and regions, and where its encoding goes.
struct AlsoEncode {
    encode::Protocol protocol;
    std::filesystem::path output;
};

struct EncodeJob : EncodeSettings {
    Run run;
    std::filesystem::path dataset;
    std::filesystem::path model;             // tuned model, or weights of a backbone
    std::vector<RoiChoice> rois;             // empty: the model's own; untuned: all of them
    bool all_rois = false;                   // every ROI, also for a tuned model
    encode::Protocol protocol = encode::Protocol::held_out;
    std::vector<AlsoEncode> also;            // from the same forward pass; no protocol twice
    bool score_official_test = false;        // score the data's own test split instead
    bool allow_tuned_images = false;
    bool leave_out_tuned = false;            // score the others, where some of the images tuned the model
    bool save_weights = false;               // in run.output
    PictureChoice predict;                   // pictures to be predicted from `dataset`, then an encoding file with
                                             // weights; without images: none
    bool same_units = false;                 // its columns that have only numbers are the encoding's
};

// One network, the data sets and regions that it is tried on, and a file of kind encoding for each.
struct EncodeTarget {
    std::filesystem::path dataset;
    RoiChoice roi;
    std::filesystem::path output;
};
struct EncodePass {
    std::filesystem::path model;
    std::vector<EncodeTarget> targets;
};

// Many encodings with one forward pass a network, over the pictures that all of its targets need, each
// once however many subjects saw it. Protocol held-out, without the images that tuned the network.
struct EncodeManyJob : EncodeSettings {
    Run run;                                 // without an output: the targets have theirs
    std::vector<EncodePass> passes;
};

// What a network makes of pictures, to a file of kind features.
struct FeatureJob : PictureChoice {
    Run run;
    std::filesystem::path model;             // tuned model, or weights of a backbone
    std::vector<std::string> layers;         // empty: the default taps; with `embeddings` none
    bool embeddings = false;                 // also h and z of both branches of a tuned model
    std::string pool = "none";               // over space: none, mean, max
    std::int64_t components = 0;             // principal components in place of a layer's units; 0: none
    bool half = false;                       // float16
    int batch = 64;
    std::uint64_t memory = 0;                // of --pca, as in EncodeSettings
    std::filesystem::path scratch;
    std::filesystem::path checkpoint;        // folder for finished parts; empty: none are kept
    std::int64_t checkpoint_every = 2048;    // images a part
    bool resume = false;
};

// Where in its pictures a network finds what a score is made of, to a file of kind salience. One of the four targets is given.
struct SalienceJob : PictureChoice {
    Run run;
    std::filesystem::path model;
    std::filesystem::path probe;             // class-probe's: the logit of `of_class`
    std::string of_class;                    // a class's name, predicted, or true (the probe's labels of its scored pictures)
    std::string logit;                       // of the network itself: its number, or predicted
    std::filesystem::path encoding;          // with weights: the response that is predicted of `roi`
    RoiChoice roi;
    std::int64_t voxel = -1;                 // column of the data set's responses; -1: the mean over the region
    bool pair = false;                       // the contrastive score of a picture with its own response
    std::string tap;                         // empty: the last feature map before the target that the module after it makes smaller
    std::string method = "gradcam";          // gradcam, gradcam++, hirescam, gradient, integrated-gradients, occlusion
    int steps = 32;                          // of integrated gradients
    int window = 0;                          // of occlusion, pixels; 0: an eighth of the side
    bool flip_control = false;               // also of the mirrored pictures
    bool checks = false;                     // also a control with shuffled weights, and deletion and insertion curves
    int batch = 32;
    std::filesystem::path overlays;          // folder for PNG; empty: none
};

struct SalienceResult {
    std::string target, layer, tap;
    std::int64_t images = 0;
    salience::Summary summary;
};

// Where in the picture voxels' predicted responses come from, to a file of kind fields.
struct FieldJob : PictureChoice {
    Run run;
    std::filesystem::path model, encoding;   // with weights
    RoiChoice roi;                           // regions of the encoding; what is empty is all
    int map_size = 32;                       // the maps' side
    int batch = 32;
    std::vector<salience::TrueFields> truth; // known ones, a hemisphere each; may be empty
    double least_r = .1;                     // cross-validated r of the voxels that are mapped
    std::int64_t pictures = 0;               // the first so many; 0: all
};

// Training a backbone from scratch on a folder of labelled pictures.
struct BackboneJob {
    Run run;
    std::filesystem::path images;            // <images>/{train,val}/<class>/*.png
    std::string backbone = "alexnet-mini";
    train::ClassifierOptions options;
};

struct BackboneResult {
    std::int64_t classes = 0, train_images = 0, validation_images = 0;
    double top1 = 0, top5 = 0;  // share of validation images
};

// What a pass costs on this machine, measured on a few made-up pictures.
struct PassCost {
    std::int64_t features = 0;          // values an image, over all layers
    std::vector<std::int64_t> widths;   // of each layer
    double seconds_per_image = 0;
    double products_per_second = 0;     // multiplications and additions of float32 matrix products
};

class Engine {
  public:
    virtual ~Engine() = default;
    virtual void finetune(const FinetuneJob& job, Reporter& reporter) = 0;
    virtual void encode(const EncodeJob& job, Reporter& reporter) = 0;
    virtual void encode_many(const EncodeManyJob& job, Reporter& reporter) = 0;
    virtual PassCost pass_cost(const EncodeManyJob& job, const std::filesystem::path& model) = 0;
    virtual void extract_features(const FeatureJob& job, Reporter& reporter) = 0;
    virtual std::vector<salience::FieldScores> fields(const FieldJob& job, Reporter& reporter) = 0;
    virtual SalienceResult salience(const SalienceJob& job, Reporter& reporter) = 0;
    virtual BackboneResult train_backbone(const BackboneJob& job, Reporter& reporter) = 0;
};

// Loads libcortune_engine.so (beside libcortune.so) on the first call. Throws
// ResourceError where it or LibTorch cannot be loaded.
Engine& load();

}  // namespace cortune::engine
