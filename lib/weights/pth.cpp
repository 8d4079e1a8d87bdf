// SPDX-License-Identifier: BSD-3-Clause
#include "weights/pth.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <span>

#include "core/error.hpp"
#include "weights/pth_state.hpp"

namespace fs = std::filesystem;

namespace cortune::weights {
namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::uint64_t longest_pickle = 64ULL << 20;  // state dicts have a few kilobytes

std::uint64_t size_of(const fs::path& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) throw BadInput(fmt::format("{}: cannot be read ({})", path.string(), error.message()));
    return size;
}

// ---- zip ----

class Archive {
  public:
    explicit Archive(const fs::path& path) : file_(path.string()), left_(size_of(path)) {
        int error = 0;
        zip_.reset(zip_open(path.c_str(), ZIP_RDONLY, &error));
        if (!zip_) throw BadInput(file_ + ": not a zip archive, or cut short");
    }
    // Name of the one entry that ends so.
    std::string find_suffix(const std::string& suffix) const {
        for (zip_int64_t i = 0; i < zip_get_num_entries(zip_.get(), 0); ++i)
            if (const char* name = zip_get_name(zip_.get(), static_cast<zip_uint64_t>(i), 0))
                if (std::string(name).ends_with(suffix)) return name;
        throw BadInput(fmt::format("{}: a zip archive without {}", file_, suffix.substr(1)),
                       "torch.save(model.state_dict(), FILE) makes a readable one");
    }
    bool has(const std::string& name) const { return zip_name_locate(zip_.get(), name.c_str(), 0) >= 0; }
    Bytes read(const std::string& name, std::uint64_t most) {
        zip_stat_t status;
        if (zip_stat(zip_.get(), name.c_str(), 0, &status) != 0)
            throw BadInput(fmt::format("{}: the archive lacks {}", file_, name));
        // PyTorch stores; a packed entry could unpack to anything. Stored ones lie side by side,
        // so together they are no larger than the file, whatever sizes it states.
        const bool stored = status.comp_method == ZIP_CM_STORE;
        if (const std::uint64_t limit = std::min(most, left_); !stored || status.size > limit)
            throw BadInput(fmt::format("{}:{}: expected at most {} bytes, stored as they are, found {}{}", file_, name,
                                       limit, status.size, stored ? "" : ", packed"));
        left_ -= status.size;
        Bytes out(status.size);
        const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> entry(
            zip_fopen(zip_.get(), name.c_str(), 0), zip_fclose);
        std::size_t at = 0;
        while (entry && at < out.size()) {
            const auto n = zip_fread(entry.get(), out.data() + at, out.size() - at);
            if (n <= 0) break;
            at += static_cast<std::size_t>(n);
        }
        if (!entry || at != out.size())
            throw BadInput(fmt::format("{}:{}: cannot be read; damaged?", file_, name));
        return out;
    }

  private:
    std::string file_;
    std::uint64_t left_;  // bytes of the file that no entry was read from
    std::unique_ptr<zip_t, void (*)(zip_t*)> zip_{nullptr, zip_discard};
};

StateDict read_zip(const fs::path& path) {
    Archive archive(path);
    const std::string pickle_name = archive.find_suffix("/data.pkl");
    const std::string folder = pickle_name.substr(0, pickle_name.size() - 8);
    if (archive.has(folder + "byteorder")) {
        const Bytes order = archive.read(folder + "byteorder", 16);
        if (std::string(order.begin(), order.end()) != "little")
            throw BadInput(path.string() + ": its numbers are big-endian",
                           "save it on a little-endian machine");
    }
    const Bytes bytes = archive.read(pickle_name, longest_pickle);
    const auto document = pickle::load(bytes, path.string(), allowed_global);
    return tensors_of(document.root(), path.string(), [&](const PthStorage& s) {
        return archive.read(folder + "data/" + s.key, s.bytes());
    });
}

// ---- the older stream ----

// The pickled number 0x1950a86a20f9469cfc6c in protocol 2: PROTO 2, LONG1, 10 bytes, STOP.
constexpr std::uint8_t magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                  0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

class Stream {
  public:
    explicit Stream(const fs::path& path) : file_(path.string()) {
        std::ifstream in(path, std::ios::binary);
        bytes_.resize(size_of(path));
        in.read(reinterpret_cast<char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
        if (!in) throw BadInput(file_ + ": cannot be read");
        at_ = sizeof magic;
    }
    pickle::Document next() {
        auto document = pickle::load(std::span(bytes_).subspan(at_), file_, allowed_global);
        at_ += document.consumed();
        return document;
    }
    // A storage: its number of elements, then the elements.
    std::span<const std::uint8_t> storage(const PthStorage& s) {
        std::int64_t elements = 0;
        const std::uint64_t wanted = s.bytes();
        if (bytes_.size() - at_ < sizeof elements + wanted) cut_short();
        std::memcpy(&elements, bytes_.data() + at_, sizeof elements);
        if (elements != s.elements)
            throw BadInput(fmt::format("{}: expected a storage of {} elements, found {}", file_,
                                       s.elements, elements));
        at_ += sizeof elements + wanted;
        return std::span(bytes_).subspan(at_ - wanted, wanted);
    }
    [[noreturn]] void cut_short() const { throw BadInput(file_ + ": cut short", "fetch it again"); }

  private:
    std::string file_;
    Bytes bytes_;
    std::size_t at_ = 0;
};

StateDict read_stream(const fs::path& path) {
    const std::string file = path.string();
    Stream stream(path);
    const auto protocol = stream.next();
    if (!protocol.root().is(pickle::Kind::integer) || protocol.root().integer != 1001)
        throw BadInput(file + ": a PyTorch stream of an unknown version");
    const auto system = stream.next();
    const auto* little = system.root().find("little_endian");
    if (little && little->integer == 0) throw BadInput(file + ": its numbers are big-endian");
    const auto document = stream.next();
    const auto keys = stream.next();
    std::map<std::string, PthStorage> wanted;
    for (auto& s : storages_of(document.root(), file)) wanted.emplace(s.key, s);
    std::map<std::string, std::span<const std::uint8_t>> found;
    for (const auto* key : keys.root().items) {
        const auto s = wanted.find(key->text);
        // An unknown storage has an unknown size: nothing behind it can be found.
        if (s == wanted.end())
            throw BadInput(fmt::format("{}: storage '{}' belongs to no tensor", file, key->text));
        found[key->text] = stream.storage(s->second);
    }
    return tensors_of(document.root(), file, [&](const PthStorage& s) {
        const auto at = found.find(s.key);
        if (at == found.end()) throw BadInput(fmt::format("{}: storage '{}' is missing", file, s.key));
        return Bytes(at->second.begin(), at->second.end());
    });
}

Bytes first_bytes(const fs::path& path) {
    Bytes out(sizeof magic, 0);
    std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(out.data()), sizeof magic);
    return out;
}

}  // namespace

bool is_pth(const fs::path& path) {
    const Bytes head = first_bytes(path);
    return std::memcmp(head.data(), "PK\3\4", 4) == 0 ||
           std::memcmp(head.data(), magic, sizeof magic) == 0;
}

StateDict read_pth(const fs::path& path) {
    if (!is_pth(path)) throw BadInput(path.string() + ": not a file of torch.save");
    return std::memcmp(first_bytes(path).data(), "PK\3\4", 4) == 0 ? read_zip(path) : read_stream(path);
}

}  // namespace cortune::weights
