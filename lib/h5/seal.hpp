// SPDX-License-Identifier: BSD-3-Clause
// Whether a file is what its writer wrote: SHA-256 of all its bytes, in which the 64 characters of the digest itself
// count as '0'. They are the scalar data set /file_sha256, whose place in the file never moves and which no checksum of
// HDF5's covers. A file without it (written before there was one, or edited on purpose) is taken as it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "h5/node.hpp"

namespace cortune::h5 {

// Makes room for the digest. Throws OutputError.
void reserve_seal(Node& root);
// Where the digest's characters lie in the file; -1: it has none.
std::int64_t seal_offset(const Node& root);
// Enters the digest of a closed file. Throws OutputError.
void write_seal(const std::filesystem::path& path, std::int64_t offset);
// Reads the whole file, through the descriptor that HDF5 has open: whatever has its name by now. Throws BadInput where
// it cannot be read, Interrupted.
bool seal_holds(hid_t file, const std::filesystem::path& path, std::int64_t offset);
// Device, inode, size and time of change of an open file: the same for the same bytes.
std::string file_state(hid_t file);

}  // namespace cortune::h5
