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

class SessionRows : public ResponseRows {
  public:
    // `hemisphere` is for messages; `threads` of the z-scores.
    SessionRows(std::vector<std::shared_ptr<const SessionFile>> sessions, std::uint64_t units, std::string hemisphere, int threads);
    std::uint64_t rows() const override { return rows_; }
    std::uint64_t units() const override { return units_; }
    std::vector<RowFile> files() const override;
    std::uint64_t memory_bytes() const override;
    std::uint64_t scratch_bytes() const override { return rows_ * units_ * sizeof(float); }
    // z = (y − mean) / deviation over the session's trials (divisor n, as scipy.stats.zscore);
    // a unit that is constant in a session is 0 there, and one with a value that is not finite
    // is NaN. Findings: "session_level" and "session_spread" (sessions far from the others),
    // "constant_sessions".
    void prepare(const std::filesystem::path& scratch, Reporter& reporter, std::vector<Finding>& findings) override;
    void read(std::uint64_t first, std::uint64_t count, float* out) const override;

  private:
    std::vector<std::shared_ptr<const SessionFile>> sessions_;
    std::uint64_t units_, rows_ = 0;
    std::string hemisphere_;
    int threads_;
    std::optional<ScratchFile> scratch_;
};

}  // namespace cortune::datasets
