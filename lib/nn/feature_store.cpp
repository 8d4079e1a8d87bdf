// SPDX-License-Identifier: BSD-3-Clause
#include "nn/feature_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::nn {
namespace {

[[noreturn]] void scratch_failed(const std::string& what) {
    throw OutputError(fmt::format("scratch file: {} ({})", what, std::strerror(errno)),
                      "--scratch names a folder with more room, --memory keeps more in memory");
}

int open_scratch(const std::filesystem::path& folder, std::uint64_t bytes) {
    int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0 && errno != EACCES && errno != ENOENT && errno != ENOTDIR) {
        // Network file systems know no nameless files: take the name away by hand.
        std::string name = (folder / ".cortune-scratch-XXXXXX").string();
        file = ::mkostemp(name.data(), O_CLOEXEC);
        if (file >= 0) ::unlink(name.c_str());
    }
    if (file < 0) scratch_failed(fmt::format("cannot be made in {}", folder.string()));
    if (const int error = ::posix_fallocate(file, 0, static_cast<off_t>(bytes)); error != 0) {
        ::close(file);
        errno = error;
        scratch_failed(fmt::format("{} needs {}", folder.string(), format_bytes(static_cast<double>(bytes))));
    }
    return file;
}

}  // namespace

FeatureStore::FeatureStore(std::int64_t images, std::vector<std::int64_t> widths,
                           std::uint64_t memory, const std::filesystem::path& scratch)
    : images_(images) {
    std::uint64_t total = 0;
    for (auto width : widths) {
        layers_.push_back({width, total, {}, std::vector<char>(static_cast<std::size_t>(width), 0)});
        total += static_cast<std::uint64_t>(width * images);
    }
    if (total * sizeof(float) <= memory) resident_.resize(total);
    else file_ = open_scratch(scratch, total * sizeof(float));
}

FeatureStore::~FeatureStore() {
    if (file_ >= 0) ::close(file_);
}

std::int64_t FeatureStore::panels(std::size_t layer) const {
    return (layers_[layer].width + panel_width - 1) / panel_width;
}

std::int64_t FeatureStore::columns(std::size_t layer, std::int64_t panel) const {
    return std::min(panel_width, layers_[layer].width - panel * panel_width);
}

std::uint64_t FeatureStore::panel_offset(std::size_t layer, std::int64_t panel) const {
    return layers_[layer].offset + static_cast<std::uint64_t>(images_ * panel * panel_width);
}

void FeatureStore::mark_live(Layer& layer, std::int64_t rows, const float* values) {
    const auto width = static_cast<std::size_t>(layer.width);
    if (layer.first.empty()) layer.first.assign(values, values + width);
    for (std::int64_t r = 0; r < rows; ++r) {
        const float* row = values + static_cast<std::size_t>(r) * width;
        for (std::size_t c = 0; c < width; ++c) layer.live[c] |= static_cast<char>(row[c] != layer.first[c]);
    }
}

std::int64_t FeatureStore::live(std::size_t layer) const {
    return std::count(layers_[layer].live.begin(), layers_[layer].live.end(), 1);
}

void FeatureStore::write(std::size_t layer, std::int64_t first, std::int64_t rows, const float* values) {
    const std::int64_t width = layers_[layer].width;
    mark_live(layers_[layer], rows, values);
    std::vector<float> block;
    for (std::int64_t p = 0; p < panels(layer); ++p) {
        const std::int64_t n = columns(layer, p);
        const std::uint64_t at = panel_offset(layer, p) + static_cast<std::uint64_t>(first * n);
        float* to = resident_.data() + at;
        if (on_disk()) {
            block.resize(static_cast<std::size_t>(rows * n));
            to = block.data();
        }
        for (std::int64_t r = 0; r < rows; ++r)
            std::copy_n(values + r * width + p * panel_width, n, to + r * n);
        if (!on_disk()) continue;
        const char* from = reinterpret_cast<const char*>(block.data());
        std::size_t left = block.size() * sizeof(float);
        auto offset = static_cast<off_t>(at * sizeof(float));
        while (left > 0) {
            const ssize_t done = ::pwrite(file_, from, left, offset);
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) scratch_failed("cannot be written");
            from += done, offset += done, left -= static_cast<std::size_t>(done);
        }
    }
}

void FeatureStore::read_panel(std::size_t layer, std::int64_t panel, float* out) const {
    const auto count = static_cast<std::uint64_t>(images_ * columns(layer, panel));
    const std::uint64_t at = panel_offset(layer, panel);
    if (!on_disk()) {
        std::copy_n(resident_.data() + at, count, out);
        return;
    }
    char* to = reinterpret_cast<char*>(out);
    std::size_t left = count * sizeof(float);
    auto offset = static_cast<off_t>(at * sizeof(float));
    while (left > 0) {
        const ssize_t done = ::pread(file_, to, left, offset);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) scratch_failed("cannot be read");
        to += done, offset += done, left -= static_cast<std::size_t>(done);
    }
}

}  // namespace cortune::nn
