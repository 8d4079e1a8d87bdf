// SPDX-License-Identifier: BSD-3-Clause
#include "weights/model_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/error.hpp"
#include "core/hash.hpp"

namespace cortune::weights {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t most_image_size = 65535;  // as in data sets

std::vector<double> plain(const std::array<double, 3>& values) { return {values.begin(), values.end()}; }

void write_tuning(h5::Node& root, const Model& m, Storage of_heads) {
    root.attr("subjects", m.subjects);
    root.attr("dataset_uuids", m.dataset_uuids);
    root.attr("hemisphere", m.hemisphere);
    root.attr("roi_class", m.roi_class);
    root.attr("roi", m.roi);
    root.attr("seed", m.seed);
    root.attr("options", m.options);
    if (!m.start_sha256.empty()) root.attr("start_sha256", m.start_sha256);
    root.scale("vertex", m.vertex,
               {"index in the subject's space of the responses that tuned the backbone"});
    root.put("column", {"vertex"}, m.column, {"their column in the data set's responses"});
    if (!m.branch.empty()) root.put("branch", {"vertex"}, m.branch, {"whose response it is, as a place in the attribute subjects"});
    h5::Node tuned = root.create_group("tuned");
    tuned.scale("image", m.tuned_image, {"picture that tuned the backbone"});
    tuned.put_strings("sha256", {"image"}, m.tuned_sha256, {"SHA-256 of its decoded source pixels"});
    h5::Node heads = root.create_group("heads");
    write_stored(heads, m.heads, of_heads, {});
}

void write_history(h5::Node& root, const History& h) {
    h5::Node group = root.create_group("history");
    group.index_scale("epoch", h.loss.size(), {"epoch", "epochs"});
    group.put("loss", {"epoch"}, h.loss, {"mean training loss"});
    group.put("validation_loss", {"epoch"}, h.validation_loss, {"loss on the inner validation part"});
    group.put("learning_rate", {"epoch"}, h.learning_rate, {"learning rate at the epoch's end"});
}

History read_history(const h5::Node& group) {
    const auto column = [&](const char* name) {
        const h5::Dataset d = group.dataset(name);
        if (const auto epochs = group.dataset("loss").size(); d.size() != epochs)
            throw BadInput(fmt::format("{}: expected {} entries, as in loss, found {}", d.where(), epochs, d.size()));
        return d.read<double>();
    };
    return {column("loss"), column("validation_loss"), column("learning_rate")};
}

void read_tuning(const h5::Node& root, Model& m, Storage of_heads) {
    m.subjects = root.attr_strings("subjects");
    m.dataset_uuids = root.attr_strings("dataset_uuids");
    m.hemisphere = root.attr_string("hemisphere");
    m.roi_class = root.attr_string("roi_class");
    m.roi = root.attr_string("roi");
    m.seed = root.attr_int("seed");
    m.options = root.attr_string("options");
    if (root.has_attr("start_sha256")) m.start_sha256 = root.attr_string("start_sha256");
    m.vertex = root.dataset("vertex").read<std::int32_t>();
    m.column = root.dataset("column").read<std::int32_t>();
    if (root.has("branch")) m.branch = root.dataset("branch").read<std::int16_t>();
    m.tuned_image = root.dataset("tuned/image").read_strings();
    m.tuned_sha256 = root.dataset("tuned/sha256").read_strings();
    m.heads = read_stored(root.group("heads"), of_heads, {});
    check_tuning(m, root.where(), '/');
}

// Traces of a tuning under the method "untuned" mean that the attribute is wrong, and
// believing it would switch the search for leaks off.
void check_untuned(const h5::Node& root) {
    for (const char* part : {"tuned", "heads"})
        if (root.has(part))
            throw BadInput(fmt::format("{}{}: expected no such group where attribute 'method' is untuned", root.where(),
                                       part));
}

// One normalisation is built in; a file that wants another must not be read as if it did not.
void check_normalisation(const h5::Node& root, const char* name, const std::array<double, 3>& known) {
    const auto found = root.attr_doubles(name);
    if (found != plain(known))
        throw BadInput(fmt::format("{}: attribute '{}': expected ({}), found ({})", root.where(), name,
                                   fmt::join(known, ", "), fmt::join(found, ", ")));
}

const Architecture& named_architecture(const h5::Node& root) {
    const std::string name = root.attr_string("backbone");
    try {
        return architecture(name);
    } catch (const BadInput& e) {
        throw BadInput(fmt::format("{}: attribute 'backbone': {}", root.where(), e.what()));
    }
}

Storage heads_storage(Storage s) { return s == Storage::difference ? Storage::float32 : s == Storage::difference16 ? Storage::float16 : s; }

Storage storage_of(const h5::Node& root) { return root.has_attr("store") ? weights::storage_of(root.attr_string("store")) : Storage::float32; }

// As the model's folder sees it, so that both can move together.
std::string seen_from(const fs::path& folder, const fs::path& file) {
    std::error_code error;
    const auto relative = fs::relative(file, folder.empty() ? fs::path(".") : folder, error);
    return error || relative.empty() ? file.string() : relative.string();
}

}  // namespace

std::string parameters_sha256(const StateDict& state) {
    Sha256 hash;
    for (const auto& t : state) hash.update(t.data.data(), t.data.size() * sizeof(float));
    return to_hex(hash.digest());
}

double write_model(const std::filesystem::path& path, const h5::Record& record, bool overwrite,
                   const Model& m, const Store& store) {
    check_architecture(m.parameters, architecture(m.backbone), path.string());
    h5::Output file(path, "model", record, overwrite);
    h5::Node& root = file.root();
    root.attr("backbone", m.backbone);
    root.attr("image_size", m.image_size);
    root.attr("mean", plain(imagenet_mean));
    root.attr("std", plain(imagenet_std));
    root.attr("method", m.method);
    h5::Node backbone = root.create_group("backbone");
    const StateDict none, &untuned = store.untuned ? *store.untuned : none;
    write_stored(backbone, m.parameters, store.how, untuned);
    double error = 0;
    if (store.how != Storage::float32) {
        error = storage_error(read_stored(backbone, store.how, untuned), m.parameters, untuned);
        root.attr("store", name_of(store.how));
        root.attr("store_error", error);
        if (needs_base(store.how)) root.attr("untuned", seen_from(path.parent_path(), store.untuned_file));
    }
    if (m.tuned()) write_tuning(root, m, heads_storage(store.how));
    if (m.tuned() || !m.history.loss.empty()) write_history(root, m.history);
    file.commit();
    return error;
}

void check_tuning(const Model& m, const std::string& where, char separator) {
    if (m.method != "infonce" && m.method != "clip" && m.method != "mse")
        throw BadInput(fmt::format("{}method: expected infonce, clip or mse, found '{}'", where, m.method));
    const auto equal = [&](const std::string& name, std::size_t found, const std::string& other, std::size_t expected) {
        if (found != expected)
            throw BadInput(fmt::format("{}{}: expected {} entries, as in {}, found {}", where, name, expected, other,
                                       found));
    };
    const std::string image = fmt::format("tuned{}image", separator), sha256 = fmt::format("tuned{}sha256", separator);
    if (m.tuned_image.empty())
        throw BadInput(fmt::format("{}{}: expected the images that tuned the network, found none", where, image),
                       "without them nobody can tell whether it is scored on images that it has seen");
    equal(sha256, m.tuned_sha256.size(), image, m.tuned_image.size());
    if (m.vertex.empty())
        throw BadInput(fmt::format("{}vertex: expected the responses that tuned the network, found none", where));
    equal("column", m.column.size(), "vertex", m.vertex.size());
    if (m.branch.empty()) return;
    equal("branch", m.branch.size(), "vertex", m.vertex.size());
    for (const auto b : m.branch)
        if (b < 0 || static_cast<std::size_t>(b) >= m.subjects.size())
            throw BadInput(fmt::format("{}branch: {} is no place among {} subjects", where, b, m.subjects.size()));
}

int checked_image_size(std::int64_t size, const Architecture& a, const std::string& where) {
    if (size < a.least_image_size || size > most_image_size)
        throw BadInput(fmt::format("{}: expected {} to {} pixels, which {} can take, found {}", where, a.least_image_size,
                                   most_image_size, a.name, size));
    return static_cast<int>(size);
}

Model read_model(const h5::Input& file) {
    const h5::Node& root = file.root();
    const Architecture& a = named_architecture(root);
    Model m;
    m.backbone = a.name;
    m.image_size = checked_image_size(root.attr_int("image_size"), a, root.where() + ": attribute 'image_size'");
    m.method = root.attr_string("method");
    check_normalisation(root, "mean", imagenet_mean);
    check_normalisation(root, "std", imagenet_std);
    const Storage store = storage_of(root);
    StateDict untuned;
    if (needs_base(store)) untuned = find_base(file, root.attr_string("untuned"), root.attr_string("start_sha256"));
    m.parameters = read_stored(root.group("backbone"), store, untuned);
    check_architecture(m.parameters, a, file.path().string() + ":/backbone");
    m.tuned() ? read_tuning(root, m, heads_storage(store)) : check_untuned(root);
    if (root.has("history")) m.history = read_history(root.group("history"));
    m.uuid = file.uuid();
    m.provenance = file.provenance();
    return m;
}

}  // namespace cortune::weights
