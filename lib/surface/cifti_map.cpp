// SPDX-License-Identifier: BSD-3-Clause
#include "surface/cifti_map.hpp"

#include <algorithm>
#include <limits>

#include "core/output_file.hpp"

namespace cortune::surface {

void write_cifti(const std::filesystem::path& path, const std::vector<VertexMap>& maps, const datasets::nod::CiftiFile& reference, bool overwrite) {
    check_output(path, overwrite);
    std::vector<datasets::nod::CortexValues> cortices;
    for (const char* h : {"lh", "rh"}) {
        const auto& model = reference.cortex(h);
        std::vector<float> values(model.vertex.size(), std::numeric_limits<float>::quiet_NaN());
        const auto map = std::find_if(maps.begin(), maps.end(), [&](const VertexMap& m) { return m.hemisphere == h; });
        for (std::size_t i = 0; map != maps.end() && i < values.size(); ++i) values[i] = map->value[static_cast<std::size_t>(model.vertex[i])];
        cortices.push_back({h, model, std::move(values)});
    }
    write_bytes(path, {datasets::nod::cifti_bytes({maps.at(0).name}, cortices)}, {.overwrite = overwrite});
}

}  // namespace cortune::surface
