// SPDX-License-Identifier: BSD-3-Clause
// The file driver that outputs are written through. HDF5 1.10 crashes, at the latest at
// exit, when it cannot write metadata (a full disk, a quota). This driver keeps the
// first failure to itself, swallows what follows, and is asked for it by the writer.
#pragma once

#include <hdf5.h>

#include <string>

namespace cortune::h5 {

// Sets the driver on a file access property list.
void use_careful_driver(hid_t access);

// The reason why a write to the file of `object` failed ("No space left on device"),
// empty where all went well or the file has another driver.
std::string write_failure(hid_t object);

// From here on nothing is written to the file: it is not going to be kept.
void discard_writes(hid_t file);

}  // namespace cortune::h5
