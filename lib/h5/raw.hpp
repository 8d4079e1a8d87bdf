// SPDX-License-Identifier: BSD-3-Clause
// What reading and writing of attributes, data sets and groups share: HDF5's own reason
// for a failure, string types, and failures turned into this library's exceptions.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "h5/handle.hpp"

namespace cortune::h5::raw {

// The deepest message of HDF5's error stack, which names the system's reason.
std::string stack_reason();

// Throws BadInput "where: what (reason)".
[[noreturn]] void cannot_read(const std::string& where, const std::string& what);

// Passes a valid identifier or status on; throws OutputError for a negative one.
template <class Id>
Id wrote(Id id, const std::string& where) {
    if (id < 0) throw OutputError(fmt::format("{}: cannot be written ({})", where, stack_reason()));
    return id;
}

// After a change of `object`: the driver keeps write failures for us to ask for.
void check_writes(hid_t object, const std::string& where);

// Where an object stands in its file, from the root, whatever its length.
std::string object_path(hid_t object);

Handle string_type();  // variable length, UTF-8
std::vector<const char*> pointers(std::span<const std::string> values);
// Copies what HDF5 read and gives its memory back.
std::vector<std::string> take_strings(hid_t type, hid_t space, std::vector<char*>& values);

}  // namespace cortune::h5::raw
