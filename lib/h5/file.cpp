// SPDX-License-Identifier: BSD-3-Clause
#include "h5/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <set>

#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "h5/driver.hpp"
#include "h5/seal.hpp"

namespace fs = std::filesystem;

namespace cortune::h5 {
namespace {

OutputError cannot_write(const std::string& what, const std::string& reason) {
    return OutputError(fmt::format("{}: cannot be written ({})", what,
                                   reason.empty() ? "HDF5 gave no reason" : reason),
                       "is the disk full? nothing was left behind");
}

void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

// A command line may hold bytes that are no UTF-8.
template <class Json>
std::string json_text(const Json& value, int indent) {
    return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Whether a path is what part_path makes.
bool is_part(const fs::path& path) {
    const std::string name = path.filename().string();
    if (!name.starts_with('.') || !name.ends_with(".part")) return false;
    const std::string stem = name.substr(0, name.size() - 5);
    const auto dot = stem.rfind('.');
    return dot > 0 && dot + 1 < stem.size() && stem.find_first_not_of("0123456789", dot + 1) == std::string::npos;
}

void sync_file(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0) {
        const std::string reason = std::strerror(errno);
        if (fd >= 0) ::close(fd);
        throw OutputError(fmt::format("{}: cannot be synced to disk ({})", path.string(), reason));
    }
    ::close(fd);
}

Handle creation_options() {
    Handle options(H5Pcreate(H5P_FILE_CREATE));
    H5Pset_link_creation_order(options.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_attr_creation_order(options.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_obj_track_times(options.get(), false);  // equal runs make equal bytes
    return options;
}

Handle access_options() {
    Handle options(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_fclose_degree(options.get(), H5F_CLOSE_STRONG);
    H5Pset_libver_bounds(options.get(), H5F_LIBVER_V18, H5F_LIBVER_LATEST);
    return options;
}

}  // namespace

namespace {

// The kind of a file of cortune's; "" for what is none. A damaged HDF5 file is of any kind: nothing
// reads it.
struct Found {
    bool damaged = false;
    std::string kind;
};
Found what_stands_at(const fs::path& path) {
    if (!is_hdf5(path)) return {};
    const Handle access = access_options(), file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
    if (!file) return {true, ""};
    const Node root(Handle(H5Gopen2(file.get(), "/", H5P_DEFAULT)), path.string() + ":/");
    if (!root.has_attr("format")) return {};
    return root.has_attr("kind") ? Found{false, root.attr_string("kind")} : Found{true, ""};
}

void check_replaceable(const fs::path& path, const std::string& kind) {
    std::error_code error;
    if (!fs::exists(path, error) || fs::file_size(path, error) == 0) return;
    const Found found = what_stands_at(path);
    const char* mend = "choose another output, or remove it first";
    static constexpr std::string_view plain[] = {"text", "safetensors", "gzip", "nifti", "mgh"};
    if (std::find(std::begin(plain), std::end(plain), kind) != std::end(plain)) {
        if (const auto sort = file_sort(path); sort != kind)
            throw OutputError(found.kind.empty() ? fmt::format("{}: is not a file that this tool writes, so it is not replaced", path.string())
                                                 : fmt::format("{}: is a file of kind '{}', so it is not replaced", path.string(), found.kind), mend);
        return;
    }
    if (!found.damaged && found.kind != kind)
        throw OutputError(found.kind.empty() ? path.string() + ": is not a file that cortune wrote, so it is not replaced"
                                             : fmt::format("{}: is a file of kind '{}', so it is not replaced", path.string(), found.kind), mend);
}

void check_writable(const fs::path& folder, const fs::path& path) {
    std::error_code error;
    if (!fs::exists(folder, error)) throw OutputError(fmt::format("{}: the folder {} does not exist", path.string(), folder.string()), "mkdir -p makes it");
    if (::access(folder.c_str(), W_OK) != 0)
        throw OutputError(fmt::format("{}: the folder {} cannot be written ({})", path.string(), folder.string(), std::strerror(errno)));
}

}  // namespace

void check_target(const fs::path& path, bool overwrite, const std::string& kind) {
    silence_hdf5();
    check_output(path, overwrite);
    check_replaceable(path, kind);
    check_writable(path.has_parent_path() ? path.parent_path() : fs::path("."), path);
}

void check_target_folder(const fs::path& folder) {
    std::error_code error;
    fs::path nearest = fs::absolute(folder, error);
    while (!fs::exists(nearest, error) && nearest.has_relative_path()) nearest = nearest.parent_path();
    if (!fs::is_directory(nearest, error)) throw OutputError(fmt::format("{}: {} is no folder", folder.string(), nearest.string()));
    check_writable(nearest, folder);
}

// A file is not made from itself: what it was would be lost, and its provenance untrue. (A
// resumed run goes on from its checkpoint and replaces it.)
void check_no_input(const fs::path& target, const Record& record) {
    std::error_code error;
    if (!fs::exists(target, error) || !is_hdf5(target)) return;
    try {
        const Input old(target);
        if (old.kind() != "checkpoint" && std::find(record.parents.begin(), record.parents.end(), old.uuid()) != record.parents.end())
            throw OutputError(target.string() + ": is also an input", "give the output another name");
    } catch (const BadInput&) {
        // Unfinished or foreign: nothing was made from it.
    }
}

Output::Output(fs::path path, const std::string& kind, const Record& record, bool overwrite)
    : target_(std::move(path)), part_(part_path(target_)), overwrite_(overwrite) {
    silence_hdf5();
    check_target(target_, overwrite, kind);
    check_no_input(target_, record);
    Handle create = creation_options(), access = access_options();
    use_careful_driver(access.get());
    file_ = Handle(H5Fcreate(part_.c_str(), H5F_ACC_TRUNC, create.get(), access.get()));
    if (!file_) throw OutputError(fmt::format("{}: cannot be created", part_.string()));
    try {
        root_ = std::make_unique<Node>(Handle(H5Gopen2(file_.get(), "/", H5P_DEFAULT)),
                                       target_.string() + ":/");
        write_head(kind, record);
    } catch (...) {
        discard();
        throw;
    }
}

void Output::write_head(const std::string& kind, const Record& record) {
    const std::string created = iso_time(creation_time());
    uuid_ = reproducible_time() ? derived_uuid(kind + created + target_.string() + json_text(record.node(), -1))
                                : random_uuid();
    root_->attr("format", "cortune");
    root_->attr("kind", kind);
    root_->attr("schema_version", fmt::format("{}.{}", schema_major, schema_minor));
    root_->attr("generated_by", fmt::format("{} (cortune) {}", record.tool, version()));
    root_->attr("created", created);
    root_->attr("uuid", uuid_);
    reserve_seal(*root_);
    root_->put_text("provenance", json_text(provenance_of(record, uuid_), 1),
                    {"commands that made this file, as JSON"});
}

Output::~Output() {
    if (!committed_) discard();
}

void Output::discard() noexcept {
    discard_writes(file_.get());
    root_.reset();
    file_.reset();
    std::error_code ignored;
    fs::remove(part_, ignored);
}

void Output::finish() {
    if (finished_) return;
    auto flush = [&] {
        const bool failed = H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) < 0;
        const std::string reason = write_failure(file_.get());
        if (failed || !reason.empty()) throw cannot_write(target_.string(), reason);
    };
    flush();
    // The values reach the disk before the mark that vouches for them.
    sync_file(part_);
    root_->attr("complete", 1);
    flush();
    const std::int64_t seal = seal_offset(*root_);
    if (seal < 0) throw cannot_write(target_.string(), "its digest has no place");
    root_.reset();
    const bool closed = H5Fclose(file_.get()) >= 0;
    file_.reset();
    // Closing writes, too, and its failures are hard to see: what a reader would refuse
    // is never given its name.
    try {
        if (!closed) throw BadInput("");
        Input check(part_, {}, Input::part);
    } catch (const BadInput&) {
        throw cannot_write(target_.string(), "it could not be closed");
    }
    write_seal(part_, seal);
    sync_file(part_);
    finished_ = true;
}

void Output::commit() {
    finish();
    if (const int error = give_name(part_, target_, overwrite_); error != 0)
        throw OutputError(fmt::format("{}: {}", target_.string(), std::strerror(error)), error == EEXIST ? "another run has made it in the meantime" : "");
    committed_ = true;
    sync_folder(target_.has_parent_path() ? target_.parent_path() : fs::path("."));
}

bool is_hdf5(const fs::path& path) {
    silence_hdf5();
    return H5Fis_hdf5(path.c_str()) > 0;
}

Input::Input(const fs::path& path, const std::vector<std::string>& kinds) : Input(path, kinds, Part{false}) {}

Input::Input(const fs::path& path, const std::vector<std::string>& kinds, Part mark) : path_(path) {
    require_readable(path);
    if (!mark.allowed && is_part(path))
        throw BadInput(path.string() + ": a part file; its writer was stopped before it gave it its name",
                       "remove it and run the command that makes it again");
    if (!is_hdf5(path)) throw BadInput(path.string() + ": not an HDF5 file, or cut short");
    Handle access = access_options();
    file_ = Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
    if (!file_) throw BadInput(path.string() + ": HDF5 cannot open it; it is cut short or damaged");
    root_ = std::make_unique<Node>(Handle(H5Gopen2(file_.get(), "/", H5P_DEFAULT)),
                                   path.string() + ":/");
    if (!root_->has_attr("format") || root_->attr_string("format") != "cortune")
        throw BadInput(path.string() + ": an HDF5 file, but not one of cortune's",
                       "nsd-extract turns a data set into one, model-convert weights");
    if (!root_->has_attr("complete") || root_->attr_int("complete") != 1)
        throw BadInput(path.string() + ": unfinished; its writer was stopped before the end",
                       "remove it and run the command that makes it again");
    const std::string schema = root_->attr_string("schema_version");
    int major = -1, minor = -1, end = 0;
    if (std::sscanf(schema.c_str(), "%d.%d%n", &major, &minor, &end) != 2 || end != static_cast<int>(schema.size()) || major < 1)
        throw BadInput(fmt::format("{}: attribute 'schema_version': expected major.minor, found '{}'", path.string(), schema));
    if (major > schema_major)
        throw BadInput(fmt::format("{}: written in schema {}, this program reads {}.x", path.string(),
                                   schema, schema_major),
                       "a newer cortune reads it");
    kind_ = root_->attr_string("kind");
    uuid_ = root_->attr_string("uuid");
    if (uuid_.empty()) throw BadInput(path.string() + ": attribute 'uuid' is empty");
    if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), kind_) == kinds.end())
        throw BadInput(fmt::format("{}: a file of kind '{}', expected '{}'", path.string(), kind_,
                                   join(kinds, "' or '")));
}

void Input::verify() const {
    static std::mutex one_at_a_time;
    static std::set<std::string> verified;
    const std::int64_t offset = seal_offset(*root_);
    if (offset < 0) return;
    const std::string state = file_state(file_.get());
    const std::lock_guard lock(one_at_a_time);
    if (verified.contains(state)) return;
    if (!seal_holds(file_.get(), path_, offset))
        throw BadInput(path_.string() + ": its bytes are not those that were written: damaged on a disk or on the way, or edited",
                       "copy it again or make it anew; where it was edited on purpose, remove its data set file_sha256");
    verified.insert(state);
}

void Input::register_in(Record& record) const {
    verify();
    record.add_parent(uuid_, provenance());
}

nlohmann::json Input::provenance() const {
    auto out = nlohmann::json::parse(root_->read_text("provenance"), nullptr, false);
    const bool tree = out.is_object() && out.contains("nodes") && out["nodes"].is_object() &&
                      out.contains("root") && out["root"].is_string();
    if (!tree || !well_formed(out["nodes"]))
        throw BadInput(path_.string() + ":/provenance: expected a JSON tree of commands");
    if (out["root"] != uuid_)
        throw BadInput(fmt::format("{}:/provenance: is that of {}, the file is {}", path_.string(), out["root"].get<std::string>(), uuid_));
    return out;
}

}  // namespace cortune::h5
