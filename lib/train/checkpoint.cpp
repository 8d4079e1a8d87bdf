// SPDX-License-Identifier: BSD-3-Clause
#include "train/checkpoint.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "core/error.hpp"
#include "h5/schema.hpp"

namespace cortune::train {

using torch::Tensor;

namespace {

// One group a prefix ("backbone"), the rest of the name with its slashes in a group of
// its own; axes are named by position and size.
void write_tensor(h5::Node& root, const std::string& name, const Tensor& tensor) {
    const auto slash = name.rfind('/');
    h5::Node group = root.create_group(name.substr(0, slash));
    std::vector<std::string> dims;
    for (std::int64_t axis = 0; axis < tensor.dim(); ++axis) {
        dims.push_back(fmt::format("axis{}_{}", axis, tensor.size(axis)));
        if (!group.has(dims.back()))
            group.index_scale(dims.back(), static_cast<std::uint64_t>(tensor.size(axis)), {"index"});
    }
    const std::string leaf = name.substr(slash + 1);
    const Tensor t = tensor.detach().to(torch::kCPU).contiguous();
    const auto n = static_cast<std::size_t>(t.numel());
    if (t.scalar_type() == torch::kFloat64)
        group.put(leaf, dims, std::span<const double>(t.data_ptr<double>(), n), {name});
    else
        group.put(leaf, dims, std::span<const float>(t.data_ptr<float>(), n), {name});
}

Tensor read_tensor(const h5::Node& group, const std::string& leaf) {
    const h5::Dataset d = group.dataset(leaf);
    std::vector<std::int64_t> shape;
    for (auto s : d.shape()) shape.push_back(static_cast<std::int64_t>(s));
    if (d.type_name() == "float64") return torch::tensor(d.read<double>(), torch::kFloat64).view(shape);
    return torch::tensor(d.read<float>(), torch::kFloat32).view(shape);
}

void collect(const h5::Node& group, const std::string& prefix, NamedTensors& out) {
    for (const auto& child : group.children()) {
        if (group.is_group(child)) collect(group.group(child), prefix + child + '/', out);
        else if (!child.starts_with("axis")) out.emplace_back(prefix + child, read_tensor(group, child));
    }
}

void check_identity(const std::filesystem::path& path, const std::string& stored, const std::string& wanted) {
    if (stored == wanted) return;
    const auto a = nlohmann::json::parse(stored), b = nlohmann::json::parse(wanted);
    for (const auto& [key, value] : b.items())
        if (!a.contains(key) || a[key] != value)
            throw BadInput(fmt::format("{}: this checkpoint is of a run with {} {}, not {}", path.string(), key,
                                       a.contains(key) ? a[key].dump() : "absent", value.dump()),
                           "resume with the options of the run that was stopped");
    throw BadInput(path.string() + ": this checkpoint is of another run");
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const h5::Record& record, const std::string& identity,
                      const Tuner::State& state) {
    h5::Output file(path, "checkpoint", record, true);
    h5::Node& root = file.root();
    root.attr("identity", identity);
    root.attr("epoch", state.epoch);
    root.attr("best_epoch", state.best_epoch);
    root.attr("best_loss", state.best_loss);
    h5::Node tensors = root.create_group("state");
    for (const auto& [name, tensor] : state.tensors) write_tensor(tensors, name, tensor);
    tensors.attr("steps", state.steps);
    h5::Node history = root.create_group("history");
    history.index_scale("epoch", state.history.loss.size(), {"epoch", "epochs"});
    history.put("loss", {"epoch"}, state.history.loss, {"mean training loss"});
    history.put("validation_loss", {"epoch"}, state.history.validation_loss, {"loss on the inner validation part"});
    history.put("learning_rate", {"epoch"}, state.history.learning_rate, {"learning rate at the epoch's end"});
    file.commit();
}

Tuner::State read_checkpoint(const std::filesystem::path& path, const std::string& identity) {
    const h5::Input file(path, {"checkpoint"});
    file.verify();
    h5::refuse_loops(file);
    const h5::Node& root = file.root();
    check_identity(path, root.attr_string("identity"), identity);
    Tuner::State state;
    const h5::Node tensors = root.group("state");
    collect(tensors, "", state.tensors);
    state.steps = tensors.attr_ints("steps");
    state.epoch = root.attr_int("epoch");
    state.best_epoch = root.attr_int("best_epoch");
    state.best_loss = root.attr_double("best_loss");
    const h5::Node history = root.group("history");
    state.history.loss = history.dataset("loss").read<double>();
    state.history.validation_loss = history.dataset("validation_loss").read<double>();
    state.history.learning_rate = history.dataset("learning_rate").read<double>();
    return state;
}

}  // namespace cortune::train
