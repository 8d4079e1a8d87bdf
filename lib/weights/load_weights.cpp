// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/system.hpp"
#include "weights/architecture.hpp"
#include "weights/model_file.hpp"
#include "weights/pth.hpp"
#include "weights/safetensors.hpp"
#include "weights/tuning_note.hpp"

namespace cortune::weights {
namespace {

// In the architecture's order, so that files made from equal weights are equal.
StateDict in_order(StateDict state, const Architecture& a) {
    StateDict out;
    for (const auto& p : a.parameters)
        for (auto& t : state)
            if (t.name == p.name) out.push_back(std::move(t));
    return out;
}

Model untuned(StateDict state, const std::string& where, const std::string& expected) {
    const Architecture& a = expected.empty() ? identify(state, where) : architecture(expected);
    check_architecture(state, a, where);
    Model m;
    m.backbone = a.name;
    m.image_size = a.image_size;
    m.parameters = in_order(std::move(state), a);
    return m;
}

}  // namespace

Model load_weights(const std::filesystem::path& path, h5::Record& record, const std::string& expected) {
    const std::string where = path.string();
    require_readable(path);
    if (h5::is_hdf5(path)) {
        const h5::Input file(path, {"model"});
        file.verify();
        Model m = read_model(file);
        if (!expected.empty()) check_architecture(m.parameters, architecture(expected), where);
        record.add_parent(m.uuid, m.provenance);
        return m;
    }
    Model m;
    if (is_safetensors(path)) {
        Safetensors file = read_safetensors(path);
        auto [backbone, heads] = separate_heads(std::move(file.state));
        m = untuned(std::move(backbone), where, expected);
        m.heads = std::move(heads);
        read_tuning_note(file.metadata, where, m);
    } else if (is_pth(path)) {
        m = untuned(read_pth(path), where, expected);
    } else {
        throw BadInput(where + ": none of a cortune model, safetensors and .pth",
                       "a file of git-annex or git-lfs may be a pointer that is yet to be fetched");
    }
    record.add_input(path, sha256_file(path));
    if (!m.uuid.empty()) record.add_parent(m.uuid, m.provenance);  // of a tuned model, by its note
    return m;
}

Model load_network(const std::filesystem::path& path, h5::Record& record) {
    Model out = load_weights(path, record);
    for (const Tensor& t : out.parameters)
        if (const auto bad = std::count_if(t.data.begin(), t.data.end(), [](float v) { return !std::isfinite(v); }); bad > 0)
            throw BadInput(fmt::format("{}: {}: {} of {} values are NaN or infinite", path.string(), t.name, bad, t.data.size()),
                           "did its training diverge? take an earlier state");
    return out;
}

}  // namespace cortune::weights
