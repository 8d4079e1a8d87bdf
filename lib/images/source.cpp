// SPDX-License-Identifier: BSD-3-Clause
#include "images/source.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>

#include "core/error.hpp"
#include "core/foreign_file.hpp"
#include "core/hash.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/system.hpp"

namespace fs = std::filesystem;

namespace cortune::images {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;  // of one picture file

std::string ending_of(const fs::path& path) {
    std::string out = path.extension().string();
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

bool is_read(const std::string& ending) { return ending == ".png" || ending == ".jpg" || ending == ".jpeg"; }

enum class Sort { picture, left_out, other };

Sort sort_of(const std::string& name) {
    const fs::path path(name);
    for (const auto& part : path)  // hidden files, and what macOS adds to archives
        if (part.string().starts_with('.') || part == "__MACOSX") return Sort::other;
    const std::string ending = ending_of(path);
    const auto among = [&](std::initializer_list<const char*> endings) { return std::find(endings.begin(), endings.end(), ending) != endings.end(); };
    if (is_read(ending)) return Sort::picture;
    return among({".gif", ".tif", ".tiff", ".bmp", ".webp", ".heic", ".jp2", ".ppm", ".pgm"}) ? Sort::left_out : Sort::other;
}

class Folder : public Source {
  public:
    explicit Folder(const fs::path& path) : Source(path) {
        const auto options = fs::directory_options::follow_directory_symlink;
        try {
            for (const auto& entry : fs::recursive_directory_iterator(path, options)) {
                const std::string name = entry.path().lexically_relative(path).generic_string();
                enter(name, [&] { return entry.is_directory(); });
            }
        } catch (const fs::filesystem_error& e) {
            throw BadInput(fmt::format("{}: {}", e.path1().string(), e.code().message()));
        }
        std::sort(names_.begin(), names_.end()), std::sort(left_out_.begin(), left_out_.end());
    }
    std::string where(std::size_t i) const override { return (path_ / names_.at(i)).string(); }
    std::vector<std::uint8_t> read(std::size_t i) const override { return read_picture_file(path_ / names_.at(i)); }
    std::uint64_t bytes(std::size_t i) const override { return file_bytes(path_ / names_.at(i)); }
};

// libzip's handles serve one thread at a time: every reader takes one from a pool,
// which grows to as many as read at once.
class Archive : public Source {
  public:
    explicit Archive(const fs::path& path) : Source(path) {
        zip_t* zip = open();
        const zip_int64_t count = zip_get_num_entries(zip, 0);
        for (zip_int64_t i = 0; i < count; ++i) {
            const char* name = zip_get_name(zip, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_GUESS);
            if (name) enter(name, [] { return false; });
        }
        std::sort(names_.begin(), names_.end()), std::sort(left_out_.begin(), left_out_.end());
        give(zip);
    }
    ~Archive() override {
        for (zip_t* zip : idle_) zip_discard(zip);
    }
    Archive(const Archive&) = delete;
    Archive& operator=(const Archive&) = delete;
    std::string where(std::size_t i) const override {
        return fmt::format("{}:{}", path_.string(), names_.at(i));
    }
    std::vector<std::uint8_t> read(std::size_t i) const override {
        zip_t* zip = take();
        try {
            auto out = read_entry(zip, i);
            give(zip);
            return out;
        } catch (...) {
            give(zip);
            throw;
        }
    }

    std::uint64_t bytes(std::size_t i) const override {
        zip_t* zip = take();
        zip_stat_t stat;
        const bool known = zip_stat(zip, names_.at(i).c_str(), 0, &stat) == 0 && (stat.valid & ZIP_STAT_COMP_SIZE) != 0;
        give(zip);
        return known ? stat.comp_size : 0;
    }

  private:
    zip_t* open() const {
        int code = 0;
        if (zip_t* zip = zip_open(path_.c_str(), ZIP_RDONLY, &code)) return zip;
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const std::string reason = zip_error_strerror(&error);
        zip_error_fini(&error);
        throw BadInput(fmt::format("{}: expected a folder or a zip archive ({})", path_.string(), reason));
    }
    zip_t* take() const {
        {
            std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                zip_t* zip = idle_.back();
                idle_.pop_back();
                return zip;
            }
        }
        return open();
    }
    void give(zip_t* zip) const {
        std::lock_guard lock(mutex_);
        idle_.push_back(zip);
    }
    std::vector<std::uint8_t> read_entry(zip_t* zip, std::size_t i) const {
        auto fail = [&](const std::string& reason) {
            throw BadInput(fmt::format("{}: cannot be read ({})", where(i), reason));
        };
        zip_stat_t stat;
        if (zip_stat(zip, names_[i].c_str(), 0, &stat) != 0) fail(zip_strerror(zip));
        if (stat.size > most_bytes) fail("too large for a picture");
        std::vector<std::uint8_t> out(stat.size);
        zip_file_t* file = zip_fopen_index(zip, stat.index, 0);
        if (!file) fail(zip_strerror(zip));
        const zip_int64_t got = zip_fread(file, out.data(), stat.size);
        // One more byte asked for makes libzip compare the checksum at the end.
        char beyond = 0;
        const zip_int64_t more = got < 0 ? -1 : zip_fread(file, &beyond, 1);
        const std::string reason = zip_file_strerror(file);
        zip_fclose(file);
        if (more != 0 || static_cast<zip_uint64_t>(got) != stat.size) fail(reason);
        return out;
    }

    mutable std::mutex mutex_;
    mutable std::vector<zip_t*> idle_;
};

}  // namespace

void Source::enter(const std::string& name, const std::function<bool()>& is_folder) {
    const Sort sort = sort_of(name);
    if (sort != Sort::other && !is_folder()) (sort == Sort::picture ? names_ : left_out_).push_back(name);
}

std::string without_ending(const std::string& name) {
    const std::string ending = ending_of(name);
    return is_read(ending) ? name.substr(0, name.size() - ending.size()) : name;
}

std::string left_out_text(const Source& source) {
    const auto& names = source.left_out();
    if (names.empty()) return {};
    return fmt::format("{}: {} picture{} of other formats than PNG and JPEG left out: {}{}", source.path().string(), names.size(), names.size() == 1 ? "" : "s", names[0],
                       names.size() > 1 ? ", …" : "");
}

std::shared_ptr<const Source> open_source(const fs::path& path) {
    std::error_code error;
    if (!fs::exists(path, error)) throw BadInput(path.string() + ": no such folder or archive");
    std::shared_ptr<const Source> out;
    if (fs::is_directory(path, error)) out = std::make_shared<Folder>(path);
    else out = std::make_shared<Archive>(path);
    if (out->names().empty())
        throw BadInput(fmt::format("{}: holds no picture (.png, .jpg, .jpeg)", path.string()),
                       out->left_out().empty() ? "" : fmt::format("convert {} and the others to PNG", out->left_out()[0]));
    return out;
}

std::vector<std::uint8_t> read_picture_file(const fs::path& file) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (error) require_file(file);
    if (error) throw BadInput(fmt::format("{}: {}", file.string(), error.message()));
    if (size > most_bytes) throw BadInput(fmt::format("{}: {} bytes are no picture", file.string(), size));
    std::vector<std::uint8_t> out(size);
    std::ifstream in(file, std::ios::binary);
    if (!in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(size)))
        throw BadInput(fmt::format("{}: cannot be read ({})", file.string(), std::strerror(errno)));
    return out;
}

std::string source_sha256(const Source& source, int threads) {
    std::vector<std::string> hashes(source.names().size());
    parallel_for(hashes.size(), threads, [&](std::size_t i) {
        check_interrupt();
        const auto bytes = source.read(i);
        hashes[i] = to_hex(sha256(bytes.data(), bytes.size()));
    });
    std::string list;
    for (std::size_t i = 0; i < hashes.size(); ++i)
        list += fmt::format("{} {}\n", source.names()[i], hashes[i]);
    return sha256_hex(list);
}

}  // namespace cortune::images
