// SPDX-License-Identifier: BSD-3-Clause
// Responses as a layout stores them: one row of units for every presentation of a picture.
// A layout says how rows are read; what belongs to which picture is ResponsePart's (extract.hpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "core/scratch_file.hpp"
#include "datasets/checks.hpp"
#include "datasets/npy.hpp"

namespace cortune::datasets {

// One file's share of the rows: what --plan lists and a message names.
struct RowFile {
    std::filesystem::path path;
    std::uint64_t rows = 0, bytes = 0;
};

class ResponseRows {
  public:
    virtual ~ResponseRows() = default;
    virtual std::uint64_t rows() const = 0;
    virtual std::uint64_t units() const = 0;
    virtual std::vector<RowFile> files() const = 0;
    // What prepare() holds in memory, and puts on disk.
    virtual std::uint64_t memory_bytes() const { return 0; }
    virtual std::uint64_t scratch_bytes() const { return 0; }
    // What reading needs beforehand, with room on disk in `scratch`; what was noticed
    // meanwhile is appended to `findings`.
    virtual void prepare(const std::filesystem::path& /*scratch*/, Reporter&, std::vector<Finding>& /*findings*/) {}
    // Rows [first, first + count) in order: count × units().
    virtual void read(std::uint64_t first, std::uint64_t count, float* out) const = 0;

    // The file that a row comes from, and of every row its number from 1.
    std::string where(std::uint64_t row) const;
    std::vector<std::int32_t> file_numbers() const;
};

// A matrix in one npy file.
class NpyRows : public ResponseRows {
  public:
    NpyRows(std::shared_ptr<const NpyFile> file, bool units_first) : file_(std::move(file)), units_first_(units_first) {}
    std::uint64_t rows() const override { return file_->shape()[units_first_ ? 1 : 0]; }
    std::uint64_t units() const override { return file_->shape()[units_first_ ? 0 : 1]; }
    std::vector<RowFile> files() const override { return {{file_->path(), rows(), file_->bytes()}}; }
    void read(std::uint64_t first, std::uint64_t count, float* out) const override {
        units_first_ ? file_->columns(first, count, out) : file_->rows(first, count, out);
    }

  private:
    std::shared_ptr<const NpyFile> file_;
    bool units_first_;  // units × rows in the file
};

// A matrix of units × rows, turned once into scratch: presentations of a picture lie anywhere.
class TurnedRows : public ResponseRows {
  public:
    explicit TurnedRows(std::shared_ptr<const NpyFile> file) : file_(std::move(file)) {}
    std::uint64_t rows() const override { return file_->shape()[1]; }
    std::uint64_t units() const override { return file_->shape()[0]; }
    std::vector<RowFile> files() const override { return {{file_->path(), rows(), file_->bytes()}}; }
    std::uint64_t memory_bytes() const override;
    std::uint64_t scratch_bytes() const override { return rows() * units() * sizeof(float); }
    void prepare(const std::filesystem::path& scratch, Reporter& reporter, std::vector<Finding>& findings) override;
    void read(std::uint64_t first, std::uint64_t count, float* out) const override;

  private:
    std::uint64_t rows_at_once() const;
    std::shared_ptr<const NpyFile> file_;
    std::optional<ScratchFile> scratch_;
};

// Responses of consecutive images of the plan.
struct ResponsePart {
    std::shared_ptr<ResponseRows> rows;
    // Where not empty: the rows (presentations) of each image, which are averaged.
    std::vector<std::vector<std::uint64_t>> presentations = {};
    // Of every row the stretch of scanning that it belongs to, numbered from 1 through all parts;
    // empty: unknown.
    std::vector<std::int32_t> run = {};

    std::uint64_t images() const { return presentations.empty() ? rows->rows() : presentations.size(); }
    std::uint64_t units() const { return rows->units(); }
    std::uint64_t count(std::uint64_t image) const { return presentations.empty() ? 1 : presentations[image].size(); }
    // One image's presentations: count(image) × units().
    void read_presentations(std::uint64_t image, float* out) const;
    // Images [first, first + count), averaged over presentations: count × units().
    void read(std::uint64_t first, std::uint64_t count, float* out) const;
};

// The run that holds all presentations of an image, 0 where there are several, for the images
// of all parts; empty where nothing is known or all are in one.
std::vector<std::int32_t> runs_of(const std::vector<ResponsePart>& parts);

}  // namespace cortune::datasets
