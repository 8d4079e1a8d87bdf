// SPDX-License-Identifier: BSD-3-Clause
// The `fields` file: where in the picture voxels' predicted responses come from (layout in cortune(5)).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "h5/file.hpp"
#include "salience/fields.hpp"
#include "weights/network_note.hpp"

namespace cortune::salience {

struct FieldsHeader : weights::NetworkNote {
    std::int64_t map_size = 0;
    double least_r = 0;
    std::string encoded_subject;  // whose responses are predicted
    std::vector<std::string> image, image_sha256;
    std::vector<std::int16_t> tuned;
};

struct FieldsFile {
    explicit FieldsFile(const std::filesystem::path& path);
    h5::Input input;
    FieldsHeader header;               // without hashes
    std::vector<FieldRegion> regions;  // without maps
    std::vector<FieldScores> scores;   // of each, and of all
};

void write_fields(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const FieldsHeader& header,
                  const std::vector<FieldRegion>& regions, const std::vector<FieldScores>& scores);

}  // namespace cortune::salience
