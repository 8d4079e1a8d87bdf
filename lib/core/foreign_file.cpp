// SPDX-License-Identifier: BSD-3-Clause
#include "core/foreign_file.hpp"

#include <fmt/format.h>

#include <fstream>

#include "core/error.hpp"

namespace fs = std::filesystem;

namespace cortune {

namespace {

BadInput annex_pointer(const std::string& name) {
    return BadInput(name + ": a git-annex pointer without its content", fmt::format("fetch its content: git annex get '{}'", name));
}

}  // namespace

void refuse_pointer(std::string_view head, const std::string& name) {
    if (head.starts_with("/annex/objects/")) throw annex_pointer(name);
    if (head.starts_with("version https://git-lfs")) throw BadInput(name + ": a Git LFS pointer without its content", "fetch its content: git lfs pull");
}

void require_file(const fs::path& path) {
    std::error_code error;
    if (fs::is_symlink(path, error) && !fs::exists(path, error)) {
        const std::string target = fs::read_symlink(path, error).generic_string();
        if (target.find(".git/annex/") != std::string::npos)
            throw annex_pointer(path.string());
        throw BadInput(fmt::format("{}: a link to {}, which does not exist", path.string(), target));
    }
    if (!fs::is_regular_file(path, error))
        throw BadInput(path.string() + (fs::exists(path, error) ? ": not a file" : ": no such file"), "is everything of the data set downloaded?");
    // Pointers are short texts; no format that we read is.
    constexpr std::uintmax_t longest_pointer = 32768;
    if (fs::file_size(path, error) > longest_pointer) return;
    std::ifstream in(path, std::ios::binary);
    std::string head(64, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    refuse_pointer(head, path.string());
}

}  // namespace cortune
