// SPDX-License-Identifier: BSD-3-Clause
#include "surface/map_file.hpp"

#include <algorithm>
#include <limits>

#include "core/output_file.hpp"
#include "formats/gifti.hpp"
#include "formats/mgh.hpp"

namespace cortune::surface {

void write_gifti(const std::filesystem::path& path, const VertexMap& map, bool overwrite) {
    check_output(path, overwrite);
    write_bytes(path, {formats::gifti_bytes(map.value, map.hemisphere, map.name)}, {.overwrite = overwrite});
}

void write_mgh(const std::filesystem::path& path, const VertexMap& map, bool overwrite) {
    write_bytes(path, {formats::mgh_bytes(map.value)}, {.overwrite = overwrite});
}

void write_nifti(const std::filesystem::path& path, const VertexMap& map, const formats::NiftiGrid& grid, bool overwrite) {
    write_bytes(path, {formats::nifti_bytes(grid, map.value, map.name, path)}, {.overwrite = overwrite});
}

void write_cifti(const std::filesystem::path& path, const std::vector<VertexMap>& maps, const formats::CiftiFile& reference, bool overwrite) {
    check_output(path, overwrite);
    std::vector<formats::CortexValues> cortices;
    for (const char* h : {"lh", "rh"}) {
        const auto& model = reference.cortex(h);
        std::vector<float> values(model.vertex.size(), std::numeric_limits<float>::quiet_NaN());
        const auto map = std::find_if(maps.begin(), maps.end(), [&](const VertexMap& m) { return m.hemisphere == h; });
        for (std::size_t i = 0; map != maps.end() && i < values.size(); ++i) values[i] = map->value[static_cast<std::size_t>(model.vertex[i])];
        cortices.push_back({h, model, std::move(values)});
    }
    write_bytes(path, {formats::cifti_bytes({maps.at(0).name}, cortices)}, {.overwrite = overwrite});
}

}  // namespace cortune::surface
