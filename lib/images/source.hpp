// SPDX-License-Identifier: BSD-3-Clause
// Where pictures come from: a folder or a zip archive of picture files, or what a layout
// keeps of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "images/image.hpp"

namespace cortune::images {

// The .png, .jpg and .jpeg files below a folder or in an archive, in the byte order of
// their relative names (as Python sorts them); hidden files are passed over.
class Source {
  public:
    virtual ~Source() = default;
    const std::filesystem::path& path() const { return path_; }
    const std::vector<std::string>& names() const { return names_; }
    // Pictures of formats that are not read (GIF, TIFF, BMP, WebP, HEIC, JPEG 2000, Netpbm): left out, and worth a word.
    const std::vector<std::string>& left_out() const { return left_out_; }
    // "folder/image0001.png" or "archive.zip:image0001.png": for messages.
    virtual std::string where(std::size_t i) const = 0;
    // The bytes as they are stored; safe from several threads. Throws BadInput.
    virtual std::vector<std::uint8_t> read(std::size_t i) const = 0;
    // The decoded picture; safe from several threads. Throws BadInput.
    virtual Image picture(std::size_t i) const { return decode(read(i), where(i)); }

    // How many they are, without reading them.
    virtual std::uint64_t bytes(std::size_t i) const = 0;

  protected:
    explicit Source(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
    // In the list that it belongs to. `is_folder` is asked of what has a picture's name alone.
    void enter(const std::string& name, const std::function<bool()>& is_folder);
    std::vector<std::string> names_, left_out_;
};

// Throws BadInput where `path` is neither a folder nor a zip archive, or holds no picture.
std::shared_ptr<const Source> open_source(const std::filesystem::path& path);

// A picture file's name, or an id that is made of it, without ".png" and the like; what has no such ending as it is.
std::string without_ending(const std::string& name);

// A line that says so where pictures of other formats were left out; else empty.
std::string left_out_text(const Source& source);

// A picture file's bytes. Throws BadInput.
std::vector<std::uint8_t> read_picture_file(const std::filesystem::path& file);

// SHA-256 over "<name> <SHA-256 of the file's bytes>\n" of every picture in order.
std::string source_sha256(const Source& source, int threads);

}  // namespace cortune::images
