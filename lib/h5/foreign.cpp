// SPDX-License-Identifier: BSD-3-Clause
#include "h5/foreign.hpp"

#include "core/error.hpp"
#include "h5/file.hpp"
#include "h5/lock.hpp"

namespace cortune::h5 {

std::mutex& LibraryLock::mutex() {
    static std::mutex one;
    return one;
}

Foreign::Foreign(const std::filesystem::path& path) {
    if (!is_hdf5(path)) throw BadInput(path.string() + ": not an HDF5 file, or cut short", "download it again");
    file_ = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    if (!file_) throw BadInput(path.string() + ": HDF5 cannot open it; it is cut short or damaged", "download it again");
    root_ = std::make_unique<Node>(Handle(H5Gopen2(file_.get(), "/", H5P_DEFAULT)), path.string() + ":/");
}

}  // namespace cortune::h5
