// SPDX-License-Identifier: BSD-3-Clause
#include "formats/cifti.hpp"

#include <CiftiFile.h>
#include <fmt/format.h>

#include <cstring>
#include <fstream>

#include "core/error.hpp"
#include "formats/by_library.hpp"
#include "core/foreign_file.hpp"

namespace cortune::formats {
namespace {

using Models = cifti::CiftiBrainModelsMap;

cifti::StructureEnum::Enum structure_of(const std::string& hemisphere) {
    return hemisphere == "lh" ? cifti::StructureEnum::CORTEX_LEFT : cifti::StructureEnum::CORTEX_RIGHT;
}

CortexModel model_of(const Models& models, const std::string& hemisphere) {
    CortexModel out;
    const auto structure = structure_of(hemisphere);
    if (!models.hasSurfaceData(structure)) return out;
    for (const auto& info : models.getModelInfo())
        if (info.m_type == Models::SURFACE && info.m_structure == structure) out.offset = info.m_indexStart;
    out.surface_vertices = models.getSurfaceNumberOfNodes(structure);
    for (const auto& at : models.getSurfaceMap(structure)) out.vertex.push_back(static_cast<std::int32_t>(at.m_surfaceNode));
    return out;
}

// A file is as long as its header says: the library itself notices only what it reads.
void check_length(const std::filesystem::path& path, std::int64_t maps, std::int64_t brainordinates) {
    constexpr std::int64_t header_bytes = 540;
    std::error_code error;
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
    const std::int64_t least = header_bytes + maps * brainordinates;  // of one byte each at least
    std::ifstream in(path, std::ios::binary);
    char head[header_bytes] = {};
    if (!in.read(head, header_bytes)) throw BadInput(path.string() + ": cut short");
    std::int16_t bits = 0;
    std::int64_t offset = 0;
    std::memcpy(&bits, head + 14, sizeof bits);
    std::memcpy(&offset, head + 168, sizeof offset);
    // Other byte order: the library reads it; its length is not judged here.
    const bool known = (bits == 32 || bits == 64 || bits == 16 || bits == 8) && offset >= header_bytes && offset < size + least;
    if (!error && known && size < offset + maps * brainordinates * bits / 8)
        throw BadInput(fmt::format("{}: cut short: {} bytes of {}", path.string(), size, offset + maps * brainordinates * bits / 8), "download it again");
}

}  // namespace

struct CiftiFile::Library {
    cifti::CiftiFile file;
};

CiftiFile::CiftiFile(const std::filesystem::path& path) : path_(path), library_(std::make_unique<Library>()) {
    require_file(path);
    try {
        library_->file.openFile(path.string());
        const auto& xml = library_->file.getCiftiXML();
        if (xml.getNumberOfDimensions() != 2 || xml.getMappingType(cifti::CiftiXML::ALONG_ROW) != cifti::CiftiMappingType::SCALARS ||
            xml.getMappingType(cifti::CiftiXML::ALONG_COLUMN) != cifti::CiftiMappingType::BRAIN_MODELS)
            throw BadInput(path.string() + ": expected a dense scalar file (maps × brainordinates)", "take the .dscalar.nii as it is distributed; a .dtseries.nii, or one with its axes exchanged, is another thing");
        maps_ = xml.getDimensionLength(cifti::CiftiXML::ALONG_ROW);
        brainordinates_ = xml.getDimensionLength(cifti::CiftiXML::ALONG_COLUMN);
        const Models& models = xml.getBrainModelsMap(cifti::CiftiXML::ALONG_COLUMN);
        left_ = model_of(models, "lh");
        right_ = model_of(models, "rh");
        auto& later = left_.offset < right_.offset ? right_ : left_;
        later.rank = static_cast<std::int64_t>((&later == &left_ ? right_ : left_).vertex.size());
    } catch (const BadInput&) {
        throw;
    } catch (const std::exception& e) {
        throw BadInput(fmt::format("{}: not a CIFTI file, or cut short ({})", path.string(), e.what()), "download it again");
    }
    check_length(path, maps_, brainordinates_);
}

CiftiFile::~CiftiFile() = default;
CiftiFile::CiftiFile(CiftiFile&&) noexcept = default;

const CortexModel& CiftiFile::cortex(const std::string& hemisphere) const {
    const CortexModel& out = hemisphere == "lh" ? left_ : right_;
    if (out.vertex.empty()) throw BadInput(fmt::format("{}: has no {}", path_.string(), hemisphere == "lh" ? "CORTEX_LEFT" : "CORTEX_RIGHT"));
    return out;
}

void CiftiFile::read(std::int64_t brainordinate, float* out) const {
    try {
        library_->file.getRow(out, brainordinate);
    } catch (const std::exception& e) {
        throw BadInput(fmt::format("{}: cannot be read ({})", path_.string(), e.what()), "download it again");
    }
}

std::string cifti_bytes(const std::vector<std::string>& map_names, const std::vector<CortexValues>& cortices) {
    cifti::CiftiXML xml;
    xml.setNumberOfDimensions(2);
    cifti::CiftiScalarsMap scalars;
    scalars.setLength(static_cast<std::int64_t>(map_names.size()));
    for (std::size_t m = 0; m < map_names.size(); ++m) scalars.setMapName(static_cast<std::int64_t>(m), map_names[m]);
    Models models;
    std::size_t brainordinates = 0;
    for (const auto& c : cortices) {
        models.addSurfaceModel(c.model.surface_vertices, structure_of(c.hemisphere), std::vector<std::int64_t>(c.model.vertex.begin(), c.model.vertex.end()));
        brainordinates += c.model.vertex.size();
    }
    xml.setMap(cifti::CiftiXML::ALONG_ROW, scalars);
    xml.setMap(cifti::CiftiXML::ALONG_COLUMN, models);
    const auto write = [&](const std::string& name) {
        cifti::CiftiFile file;
        file.setWritingFile(name);
        file.setCiftiXML(xml, false);
        std::int64_t row = 0;
        std::vector<float> values(map_names.size());
        for (const auto& c : cortices)
            for (std::size_t v = 0; v < c.model.vertex.size(); ++v) {
                for (std::size_t m = 0; m < values.size(); ++m) values[m] = c.values[m * c.model.vertex.size() + v];
                file.setRow(values.data(), row++);
            }
        file.close();
    };
    try {
        std::string out = bytes_by_library(".dscalar.nii", write);
        if (out.size() > map_names.size() * brainordinates * sizeof(float)) return out;
    } catch (const cifti::CiftiException&) {
        // As where too little was written.
    }
    throw OutputError("CIFTI could not be made", "$TMPDIR needs room for it");
}

}  // namespace cortune::formats
