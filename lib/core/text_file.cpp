// SPDX-License-Identifier: BSD-3-Clause
#include "core/text_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/error.hpp"

namespace fs = std::filesystem;

namespace cortune {

void write_text_file(const fs::path& path, const std::string& text, bool overwrite) {
    std::error_code error;
    if (fs::exists(path, error) && !overwrite)
        throw OutputError(path.string() + ": exists already", "--overwrite replaces it");
    const fs::path part = path.parent_path() / fmt::format(".{}.{}.part", path.filename().string(), ::getpid());
    std::FILE* file = std::fopen(part.c_str(), "wb");
    bool good = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    good = good && std::fflush(file) == 0 && ::fsync(::fileno(file)) == 0;
    const std::string reason = std::strerror(errno);
    if (file) good = std::fclose(file) == 0 && good;
    if (good) fs::rename(part, path, error);
    if (!good || error) {
        fs::remove(part, error);
        throw OutputError(fmt::format("{}: cannot be written ({})", path.string(), reason));
    }
}

}  // namespace cortune
