// SPDX-License-Identifier: BSD-3-Clause
// SHA-256 (Nettle) and the numbers that are derived from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace cortune {

class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void update(const void* data, std::size_t bytes);
    std::array<std::uint8_t, 32> digest();  // ends the computation

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::array<std::uint8_t, 32> sha256(const void* data, std::size_t bytes);
std::string to_hex(const std::array<std::uint8_t, 32>& digest);
std::string sha256_hex(std::string_view text);
// Throws BadInput naming the file when it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

// First 8 bytes of SHA-256(text), big-endian.
std::uint64_t hash64(std::string_view text);
// hash64 / 2^64, in [0, 1): what image splits and folds are drawn from.
double hash_unit(std::string_view text);

}  // namespace cortune
