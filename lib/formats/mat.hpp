// SPDX-License-Identifier: BSD-3-Clause
// Matrices of whole numbers in MATLAB's MAT files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace cortune::formats {

struct MatMatrix {
    std::size_t rows = 0, columns = 0;
    std::vector<std::int64_t> value;  // column-major
    std::int64_t at(std::size_t row, std::size_t column) const { return value[column * rows + row]; }
};

// Throws BadInput naming file and variable; `mend` is the hint where the variable is missing.
MatMatrix read_mat(const std::filesystem::path& path, const std::string& name, const std::string& mend);

// Writes double matrices (name, matrix) into a MAT-5 file that does not depend on the day.
// Throws OutputError.
void write_mat(const std::filesystem::path& path, const std::vector<std::pair<std::string, MatMatrix>>& matrices);

}  // namespace cortune::formats
