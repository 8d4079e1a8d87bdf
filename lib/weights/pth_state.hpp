// SPDX-License-Identifier: BSD-3-Clause
// From the pickle of a state dict to tensors; where the bytes of a storage are is the
// container's affair (pth.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/pickle.hpp"
#include "weights/number_format.hpp"
#include "weights/state_dict.hpp"

namespace cortune::weights {

// A run of equal numbers that tensors are views of.
struct PthStorage {
    std::string key;
    NumberFormat format = NumberFormat::float32;
    std::size_t element = 4;  // bytes of one
    std::int64_t elements = 0;
    std::uint64_t bytes() const { return static_cast<std::uint64_t>(elements) * element; }
};

// The bytes of a storage. Throws BadInput where they are missing or of another number.
using FetchStorage = std::function<std::vector<std::uint8_t>(const PthStorage&)>;

// Whether a state dict's pickle may name this global.
bool allowed_global(const std::string& name);

// The storage that a persistent id names.
PthStorage parse_storage(const pickle::Value& persistent, const std::string& where);

// Every storage that occurs in a state dict, once, in order of appearance.
std::vector<PthStorage> storages_of(const pickle::Value& root, const std::string& where);

StateDict tensors_of(const pickle::Value& root, const std::string& where, const FetchStorage& fetch);

}  // namespace cortune::weights
