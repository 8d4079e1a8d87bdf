// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/whole_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.hpp"
#include "core/text.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets {

void write_whole_file(const fs::path& path, std::initializer_list<std::string_view> pieces) {
    const fs::path part =
        path.parent_path() / fmt::format(".{}.{}.part", path.filename().string(), ::getpid());
    auto fail = [&] {
        const std::string reason = std::strerror(errno);
        std::error_code ignored;
        fs::remove(part, ignored);
        throw OutputError(fmt::format("{}: cannot be written ({})", path.string(), reason));
    };
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    for (const auto& piece : pieces) out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    out.close();
    if (!out || ::rename(part.c_str(), path.c_str()) != 0) fail();
}

std::vector<std::uint8_t> read_whole_file(const fs::path& path, std::uint64_t most) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) throw BadInput(fmt::format("{}: {}", path.string(), error.message()));
    if (size > most)
        throw BadInput(fmt::format("{}: {} is more than such a file holds", path.string(),
                                   format_bytes(static_cast<double>(size))));
    std::vector<std::uint8_t> out(size);
    std::ifstream in(path, std::ios::binary);
    if (!in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(size)))
        throw BadInput(fmt::format("{}: cannot be read ({})", path.string(), std::strerror(errno)));
    return out;
}

}  // namespace cortune::datasets
