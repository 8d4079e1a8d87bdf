// SPDX-License-Identifier: BSD-3-Clause
#include "core/hash.hpp"

#include <nettle/sha2.h>

#include <cmath>
#include <fstream>
#include <vector>

#include "core/error.hpp"

namespace cortune {

struct Sha256::State {
    sha256_ctx context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { sha256_init(&state_->context); }
Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t bytes) {
    sha256_update(&state_->context, bytes, static_cast<const std::uint8_t*>(data));
}

std::array<std::uint8_t, 32> Sha256::digest() {
    std::array<std::uint8_t, 32> out;
    sha256_digest(&state_->context, out.size(), out.data());
    return out;
}

std::array<std::uint8_t, 32> sha256(const void* data, std::size_t bytes) {
    Sha256 hash;
    hash.update(data, bytes);
    return hash.digest();
}

std::string to_hex(const std::array<std::uint8_t, 32>& digest) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(64);
    for (auto byte : digest) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

std::string sha256_hex(std::string_view text) {
    return to_hex(sha256(text.data(), text.size()));
}

std::string sha256_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw BadInput(path.string() + ": cannot be read");
    Sha256 hash;
    std::vector<char> block(1 << 20);
    while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0)
        hash.update(block.data(), static_cast<std::size_t>(in.gcount()));
    if (in.bad()) throw BadInput(path.string() + ": read failed");
    return to_hex(hash.digest());
}

std::uint64_t hash64(std::string_view text) {
    const auto digest = sha256(text.data(), text.size());
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | digest[static_cast<std::size_t>(i)];
    return value;
}

double hash_unit(std::string_view text) {
    // The top 53 bits: a double holds them exactly, and the result stays below 1.
    return std::ldexp(static_cast<double>(hash64(text) >> 11), -53);
}

}  // namespace cortune
