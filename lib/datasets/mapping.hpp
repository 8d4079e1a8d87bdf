// SPDX-License-Identifier: BSD-3-Clause
// Label names as Algonauts ships them: mapping_<class>.npy, a 0-d object array that
// holds one pickled dict {int: str}. Read through the restricted unpickler
// (core/pickle.hpp), so a file can name nothing but NumPy's array reconstruction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace cortune::datasets {

// label value → name, blanks at the ends of names removed. Throws BadInput for a
// pickle that wants another global (named) or holds anything else than such a dict.
std::map<std::int64_t, std::string> read_mapping_npy(const std::filesystem::path& path);

// Writes what np.load(path, allow_pickle=True).item() gives back (protocol 3). An
// existing file is replaced. Throws OutputError.
void write_mapping_npy(const std::filesystem::path& path,
                       const std::map<std::int64_t, std::string>& names);

}  // namespace cortune::datasets
