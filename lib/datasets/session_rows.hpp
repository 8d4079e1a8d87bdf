// SPDX-License-Identifier: BSD-3-Clause
// Trials that come session by session, z-scored per unit within each: one session is in
// memory at a time, the z-scores wait in a scratch file until they are averaged over repeats.
#pragma once

#include <memory>
#include <optional>

#include "core/scratch_file.hpp"
#include "datasets/response_rows.hpp"

namespace cortune::datasets {

// The trials of one session (or run), of the units that are wanted.
class SessionFile {
  public:
    virtual ~SessionFile() = default;
    virtual const std::filesystem::path& path() const = 0;
    virtual std::uint64_t trials() const = 0;
    virtual std::uint64_t bytes() const = 0;
    // All trials: trials() × units. Called from one thread.
    virtual void read(float* out) const = 0;
};

// All sessions' trials of the units of one or of both hemispheres: a file that holds both is
// read once.
class Sessions {
  public:
    // `name` is for messages; `threads` of the z-scores.
    Sessions(std::vector<std::shared_ptr<const SessionFile>> files, std::uint64_t units, std::string name, int threads);
    std::uint64_t trials() const { return trials_; }
    std::uint64_t units() const { return units_; }
    std::vector<RowFile> files() const;
    std::uint64_t memory_bytes() const;
    // z = (y − mean) / deviation over the session's trials (divisor n, as scipy.stats.zscore);
    // a unit that is constant in a session is 0 there, and one with a value that is not finite
    // is NaN. Findings: "session_level" and "session_spread" (sessions far from the others),
    // "constant_sessions". Does nothing the second time.
    void prepare(const std::filesystem::path& scratch, Reporter& reporter, std::vector<Finding>& findings);
    // Units [first, first + count) of one trial.
    void read(std::uint64_t trial, std::uint64_t first, std::uint64_t count, float* out) const;

  private:
    std::vector<std::shared_ptr<const SessionFile>> files_;
    std::uint64_t units_, trials_ = 0;
    std::string name_;
    int threads_;
    std::optional<ScratchFile> scratch_;
};

// One hemisphere's units of them.
class SessionRows : public ResponseRows {
  public:
    SessionRows(std::shared_ptr<Sessions> sessions, std::uint64_t first, std::uint64_t units)
        : sessions_(std::move(sessions)), first_(first), units_(units) {}
    std::uint64_t rows() const override { return sessions_->trials(); }
    std::uint64_t units() const override { return units_; }
    std::vector<RowFile> files() const override { return sessions_->files(); }
    std::uint64_t memory_bytes() const override { return sessions_->memory_bytes(); }
    std::uint64_t scratch_bytes() const override { return rows() * units_ * sizeof(float); }
    void prepare(const std::filesystem::path& scratch, Reporter& reporter, std::vector<Finding>& findings) override {
        sessions_->prepare(scratch, reporter, findings);
    }
    void read(std::uint64_t first, std::uint64_t count, float* out) const override {
        for (std::uint64_t t = first; t < first + count; ++t, out += units_) sessions_->read(t, first_, units_, out);
    }

  private:
    std::shared_ptr<Sessions> sessions_;
    std::uint64_t first_, units_;
};

// The rows of hemispheres whose units (as many as `units` says of each) follow each other.
std::vector<std::shared_ptr<ResponseRows>> rows_of(const std::shared_ptr<Sessions>& sessions, const std::vector<std::uint64_t>& units);

}  // namespace cortune::datasets
