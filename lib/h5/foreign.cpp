// SPDX-License-Identifier: BSD-3-Clause
#include "h5/foreign.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "h5/driver.hpp"
#include "h5/file.hpp"
#include "h5/lock.hpp"
#include "h5/raw.hpp"

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

ForeignOutput::ForeignOutput(const std::filesystem::path& path) : path_(path) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    Handle options(H5Pcreate(H5P_FILE_CREATE)), access(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_obj_track_times(options.get(), false);  // equal runs make equal bytes
    H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
    use_careful_driver(access.get());
    file_ = Handle(raw::wrote(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, options.get(), access.get()), path.string()));
}

ForeignOutput::~ForeignOutput() {
    if (file_) discard_writes(file_.get());
}

Dataset ForeignOutput::create_raw(const std::string& name, hid_t type, const Shape& shape, const Shape& chunk) {
    const std::string where = path_.string() + ":/" + name;
    const std::vector<hsize_t> dims(shape.begin(), shape.end()), pieces(chunk.begin(), chunk.end());
    Handle options(H5Pcreate(H5P_DATASET_CREATE)), space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
    H5Pset_obj_track_times(options.get(), false);
    raw::wrote(H5Pset_chunk(options.get(), static_cast<int>(pieces.size()), pieces.data()), where);
    return {Handle(raw::wrote(H5Dcreate2(file_.get(), name.c_str(), type, space.get(), H5P_DEFAULT, options.get(), H5P_DEFAULT), where)), where};
}

void ForeignOutput::close() {
    const bool flushed = H5Fflush(file_.get(), H5F_SCOPE_LOCAL) >= 0;
    const std::string reason = write_failure(file_.get());
    if (!flushed || !reason.empty())
        throw OutputError(fmt::format("{}: cannot be written ({})", path_.string(), reason.empty() ? "HDF5 failed" : reason), "free some space, or write elsewhere");
    const bool closed = H5Fclose(file_.get()) >= 0;
    file_.reset();
    if (!closed) throw OutputError(path_.string() + ": could not be closed");
}

}  // namespace cortune::h5
