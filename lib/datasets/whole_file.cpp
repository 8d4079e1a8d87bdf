// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/whole_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.hpp"
#include "core/foreign_file.hpp"
#include "core/text.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets {

std::vector<std::uint8_t> read_whole_file(const fs::path& path, std::uint64_t most) {
    require_file(path);
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) throw BadInput(fmt::format("{}: {}", path.string(), error.message()));
    if (size > most)
        throw BadInput(fmt::format("{}: {} is more than such a file holds", path.string(),
                                   format_bytes(static_cast<double>(size))));
    std::vector<std::uint8_t> out(size);
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(size)))
        throw BadInput(fmt::format("{}: cannot be read ({})", path.string(),
                                   errno != 0 ? std::strerror(errno) : "it became shorter meanwhile"));
    return out;
}

}  // namespace cortune::datasets
