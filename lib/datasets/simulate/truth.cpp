// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/truth.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "datasets/simulate/files.hpp"
#include "datasets/whole_file.hpp"

namespace cortune::datasets::simulate {
namespace {

using Json = nlohmann::ordered_json;

// Short numbers: a picture 425 pixels wide is located to 1e-4.
double rounded(double v) { return std::round(v * 1e4) / 1e4; }

// The oriented channel of a vertex's first unit that has one: (scale, orientation).
std::pair<int, int> oriented(const Vertex& v) {
    for (const Unit& u : v.units) {
        if (u.channel < colour_channel)
            return {u.channel % linear_channel / orientations, u.channel % orientations};
        if (u.channel >= contour_channel) return {0, (u.channel - contour_channel) % orientations};
        if (u.channel >= corner_channel)
            return {(u.channel - corner_channel) / corners_per_scale,
                    (u.channel - corner_channel) % corners_per_scale % orientations};
    }
    return {-1, -1};
}

Json scene_json(const Scene& scene, std::uint64_t id) {
    Json objects = Json::array();
    for (const Thing& t : scene.things)
        objects.push_back({{"class", thing_names()[static_cast<std::size_t>(t.thing_class)]},
                           {"x", rounded(t.pose.centre.x)},
                           {"y", rounded(t.pose.centre.y)},
                           {"radius", rounded(t.pose.radius)}});
    for (std::size_t c = 0; c < categories; ++c) {
        const Appearance& a = scene.category[c];
        if (a.visibility <= 0) continue;
        Json one{{"class", category_names[c]},
                 {"x", rounded(a.pose.centre.x)},
                 {"y", rounded(a.pose.centre.y)},
                 {"radius", rounded(a.pose.radius)},
                 {"visibility", rounded(a.visibility)}};
        for (std::size_t k = 0; k < attributes; ++k)
            one["attributes"].push_back(rounded(a.attributes[k]));
        objects.push_back(std::move(one));
    }
    return {{"nsd", id}, {"objects", std::move(objects)}};
}

// What stands in <h>_<name>.npy of the truth folder.
struct TruthFile {
    const char* name;
    std::vector<const char*> axes;
    const char* text;
};

const std::vector<TruthFile>& truth_files() {
    static const char* const noiseless = "what the vertex's model answers to the picture, in the model's own units";
    static const char* const signal =
        "the noiseless part of the responses, in their units: noiseless responses through the z-scores (of the noisy "
        "trials of a session) and the averages that made the data, so that responses = signal + noise";
    static const std::vector<TruthFile> files{
        {"noiseless_training", {"training image", "vertex"}, noiseless},
        {"noiseless_test", {"test image", "vertex"}, noiseless},
        {"signal_training", {"training image", "vertex"}, signal},
        {"signal_test", {"test image", "vertex"}, signal},
        {"noise_ceiling_training",
         {"vertex"},
         "share of the variance of the training responses that is the pictures'; of the test responses it is in "
         "test_split/noise_ceiling"},
        {"receptive_field", {"vertex", "x, y, sigma"}, "Gaussian receptive field, in image widths, y downward"},
        {"preferred",
         {"vertex", "orientation, frequency"},
         "of the first oriented unit: degrees of its bars, cycles per image; NaN without one"},
        {"category_weights", {"vertex", "category"}, "weight of a category's presence, without its attributes"},
        {"attribute_weights",
         {"vertex", "category", "attribute"},
         "linear weights of the attributes; the models also have even and product terms, saturate and weigh by "
         "visibility, so that these weights alone do not give the noiseless responses"},
    };
    return files;
}

Json describe_files() {
    Json out = Json::object();
    for (const char* hemisphere : {"lh", "rh"})
        for (const TruthFile& file : truth_files())
            out[std::string(hemisphere) + '_' + file.name + ".npy"] = {{"axes", file.axes}, {"text", file.text}};
    return out;
}

}  // namespace

void write_hemisphere_truth(const std::filesystem::path& folder, const HemisphereModel& model) {
    const auto n = model.vertices.size();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> field, preferred, category(n * categories), attribute(n * categories * attributes);
    for (std::size_t i = 0; i < model.vertices.size(); ++i) {
        const Vertex& v = model.vertices[i];
        for (const double x : {v.centre.x, v.centre.y, v.sigma}) field.push_back(static_cast<float>(x));
        const auto [scale, orientation] = oriented(v);
        preferred.push_back(scale < 0 ? nan : static_cast<float>(180.0 * orientation / orientations));
        preferred.push_back(scale < 0 ? nan : static_cast<float>(cycles_per_image[scale]));
        for (const Tuning& t : v.tuning) {
            const auto c = static_cast<std::size_t>(t.category);
            category[i * categories + c] += static_cast<float>(t.presence);
            for (std::size_t k = 0; k < attributes; ++k)
                attribute[(i * categories + c) * attributes + k] += static_cast<float>(t.linear[k]);
        }
    }
    const std::string& h = model.name;
    write_npy<float>(folder / (h + "_receptive_field.npy"), {n, 3}, field, staged);
    write_npy<float>(folder / (h + "_preferred.npy"), {n, 2}, preferred, staged);
    write_npy<float>(folder / (h + "_category_weights.npy"), {n, categories}, category, staged);
    write_npy<float>(folder / (h + "_attribute_weights.npy"), {n, categories, attributes}, attribute, staged);
}

void write_scene_truth(const std::filesystem::path& path, const SimulationOptions& o, int subject,
                       const SubjectImages& seen, const std::vector<Scene>& scenes) {
    Json out{{"subject", subject},
             {"preset", o.preset},
             {"seed", o.seed},
             {"noise_seed", o.noise_seed},
             {"image_size", o.image_size},
             {"repeats", o.repeats},
             {"noise_ceiling", o.noise_ceiling},
             {"fields", o.both_sides ? "both" : "contralateral"}};
    out["thing_classes"] = thing_names();
    for (std::size_t c = 0; c < categories; ++c) {
        out["categories"].push_back(category_names[c]);
        for (const auto name : attribute_names[c])
            out["attributes"][std::string(category_names[c])].push_back(name);
    }
    out["units"] = "positions and radii in image widths, y downward";
    out["files"] = describe_files();
    out["training"] = Json::array();
    out["test"] = Json::array();
    for (std::size_t i = 0; i < seen.training.size(); ++i)
        out["training"].push_back(scene_json(scenes[i], seen.training[i]));
    for (std::size_t i = 0; i < seen.test.size(); ++i)
        out["test"].push_back(scene_json(scenes[seen.training.size() + i], seen.test[i]));
    write_file(path, out.dump(1) + '\n');
}

}  // namespace cortune::datasets::simulate
