// SPDX-License-Identifier: BSD-3-Clause
// The `model` file: one backbone, untuned or tuned for one hemisphere and one ROI
// (layout in cortune(5)).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "h5/file.hpp"
#include "weights/architecture.hpp"
#include "weights/state_dict.hpp"
#include "weights/storage.hpp"

namespace cortune::weights {

// One row an epoch.
struct History {
    std::vector<double> loss;             // mean training loss, in the loss's unit
    std::vector<double> validation_loss;  // NaN where there is no inner validation part
    std::vector<double> learning_rate;
};

struct Model {
    std::string backbone;             // architecture name
    int image_size = 0;
    std::string method = "untuned";   // or "infonce", "clip", "mse"
    StateDict parameters;             // the backbone's

    // The rest is empty for an untuned one.
    std::vector<std::string> subjects, dataset_uuids;
    std::string hemisphere, roi_class, roi;
    std::int64_t seed = 0;
    std::string options;              // JSON text: every option of the tuning
    std::string start_sha256;         // parameters_sha256() of the untuned network that tuning began with; empty: not known
    std::vector<std::int32_t> column, vertex;  // responses that tuned it, as in `encoding`
    std::vector<std::int16_t> branch;  // whose they are: index in `subjects`; empty: all of the first
    std::vector<std::string> tuned_image, tuned_sha256;
    StateDict heads;                  // "image.weight", "response.weight", "head.0.weight", …
    History history;

    // Identity and provenance of the model file that it was read from, also by way of
    // safetensors; empty for foreign weights. write_model() takes no notice of them.
    std::string uuid;
    nlohmann::json provenance;

    bool tuned() const { return method != "untuned"; }
};

// Where float32 is not wanted: the untuned network and its file, which files of differences name.
struct Store {
    Storage how = Storage::float32;
    const StateDict* untuned = nullptr;
    std::filesystem::path untuned_file;
};

// Returns storage_error(), 0 for float32. Heads are kept like the backbone, of differences in float32 or float16.
double write_model(const std::filesystem::path& path, const h5::Record& record, bool overwrite,
                   const Model& model, const Store& store = {});
// Reads a file of kind `model`. Throws BadInput for parameters that are not the
// architecture's, an image size that it cannot take, and what check_tuning refuses.
Model read_model(const h5::Input& file);

// Throws BadInput for a tuned model with another method than infonce, clip and mse, without
// tuned images, or with lists that do not go together: its leaks could not be found. Parts
// are named as <where>tuned<separator>image.
void check_tuning(const Model& model, const std::string& where, char separator);
// `size` where the architecture takes pictures of it. BadInput beginning with `where` elsewhere.
int checked_image_size(std::int64_t size, const Architecture& architecture, const std::string& where);

// Backbone weights from whatever they are in: our model file, safetensors, or a
// torchvision .pth (zip or legacy), told apart by content. `record` gets the file as
// parent or as input with its SHA-256, and the model that it was converted from, where its
// note names one, as parent. With `expected`, weights of another architecture
// are refused by their first tensor that does not fit it; else it is identified.
Model load_weights(const std::filesystem::path& path, h5::Record& record,
                   const std::string& expected = {});

// As load_weights, for a network that is to be run: also throws BadInput naming the first
// tensor with a value that is not finite, since such a network answers NaN to everything.
Model load_network(const std::filesystem::path& path, h5::Record& record);

// SHA-256 over all values in order, hex: whether two files hold the same network.
std::string parameters_sha256(const StateDict& state);

}  // namespace cortune::weights
