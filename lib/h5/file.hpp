// SPDX-License-Identifier: BSD-3-Clause
// The file contract (cortune(5)): an output appears under its name only when it is
// whole, and an input is refused unless it is.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "h5/node.hpp"
#include "h5/provenance.hpp"

namespace cortune::h5 {

inline constexpr int schema_major = 1;
inline constexpr int schema_minor = 0;

// A file being written: ".<name>.<pid>.part" in the folder of its target. finish() writes
// `complete` and syncs, commit() does so where it was not done and renames; a destructor without
// commit removes it. Files that belong together are all finished before one gets its name.
class Output {
  public:
    // Throws OutputError if `path` exists and `overwrite` is false, or its folder
    // cannot be written. `kind` is one of the schemas' names.
    Output(std::filesystem::path path, const std::string& kind, const Record& record,
           bool overwrite);
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    Node& root() { return *root_; }
    const std::string& uuid() const { return uuid_; }
    void finish();
    void commit();

  private:
    void write_head(const std::string& kind, const Record& record);
    void discard() noexcept;
    std::filesystem::path target_, part_;
    std::string uuid_;
    Handle file_;
    std::unique_ptr<Node> root_;
    bool overwrite_, finished_ = false, committed_ = false;
};

// Refuses early, before a long computation, what would be refused at its end: an existing
// target without overwrite, or one that is something else (--overwrite and a wrong name are no
// reason to lose data), and a folder that cannot be written. `kind` is that of the file to come,
// or for what is no HDF5 file its file_sort: only a file of the same sort is replaced.
void check_target(const std::filesystem::path& path, bool overwrite, const std::string& kind);
// A folder to come, or one that is there: the nearest one that exists can be written.
void check_target_folder(const std::filesystem::path& folder);

// A whole cortune file, opened for reading.
class Input {
  public:
    // Throws BadInput for a missing, foreign, unfinished or too new file, or one of
    // another kind than `kinds` (empty: any), and for a part file, whatever it holds.
    explicit Input(const std::filesystem::path& path, const std::vector<std::string>& kinds = {});

    const Node& root() const { return *root_; }
    const std::filesystem::path& path() const { return path_; }
    const std::string& kind() const { return kind_; }
    const std::string& uuid() const { return uuid_; }
    nlohmann::json provenance() const;
    // Reads every byte, once a program: throws BadInput where they are not those that were written (seal.hpp).
    void verify() const;
    // Enters this file, verified, among the parents of what `record` will describe.
    void register_in(Record& record) const;

  private:
    friend class Output;
    struct Part {
        bool allowed;
    };
    static constexpr Part part{true};  // the writer itself looks at its part file
    Input(const std::filesystem::path& path, const std::vector<std::string>& kinds, Part mark);
    std::filesystem::path path_;
    std::string kind_, uuid_;
    Handle file_;
    std::unique_ptr<Node> root_;
};

// Whether the file starts with HDF5's signature (weights come in several formats).
bool is_hdf5(const std::filesystem::path& path);

}  // namespace cortune::h5
