// SPDX-License-Identifier: BSD-3-Clause
#include "formats/foreign_file.hpp"

#include <fmt/format.h>

#include <fstream>

#include "core/error.hpp"

namespace fs = std::filesystem;

namespace cortune::formats {

void require_file(const fs::path& path) {
    std::error_code error;
    const std::string fetch = fmt::format("fetch its content: git annex get '{}'", path.string());
    if (fs::is_symlink(path, error) && !fs::exists(path, error)) {
        const std::string target = fs::read_symlink(path, error).generic_string();
        if (target.find(".git/annex/") != std::string::npos)
            throw BadInput(path.string() + ": a git-annex pointer without its content", fetch);
        throw BadInput(fmt::format("{}: a link to {}, which does not exist", path.string(), target));
    }
    if (!fs::is_regular_file(path, error))
        throw BadInput(path.string() + (fs::exists(path, error) ? ": not a file" : ": no such file"));
    // Pointers are short texts; no format that we read is.
    constexpr std::uintmax_t longest_pointer = 32768;
    if (fs::file_size(path, error) > longest_pointer) return;
    std::ifstream in(path, std::ios::binary);
    std::string head(64, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    if (head.starts_with("/annex/objects/")) throw BadInput(path.string() + ": a git-annex pointer without its content", fetch);
    if (head.starts_with("version https://git-lfs"))
        throw BadInput(path.string() + ": a Git LFS pointer without its content", "fetch its content: git lfs pull");
}

}  // namespace cortune::formats
