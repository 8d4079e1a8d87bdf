// SPDX-License-Identifier: BSD-3-Clause
// Noise ceilings from repeated presentations: which share of the variance of the averaged
// responses the picture can explain.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cortune::datasets {

// ncsnr: noise variance from the repeats of each picture, signal variance what is left of the
//   variance over all presentations; NC = s² / (s² + n² · mean over pictures of 1/nᵢ) with nᵢ
//   presentations averaged (Allen et al. 2022; facts of NSD's ncsnr). Pictures shown once count
//   in the last mean and in the variance over presentations.
// split_half: r between the means of every second presentation, over the pictures shown at least
//   twice, stepped up to the average of all by Spearman and Brown, 2r / (1 + r).
// leave_one_out: r² between one presentation and the mean of the others, over all of them: the
//   ceiling of a single presentation, hence lower than the others.
enum class RepeatCeiling { ncsnr, split_half, leave_one_out };

RepeatCeiling parse_repeat_ceiling(const std::string& name);  // "ncsnr", "split-half", "leave-one-out"; UsageError

class RepeatStatistics {
  public:
    explicit RepeatStatistics(std::size_t columns);
    // All presentations of one picture: count × columns.
    void add(const float* rows, std::size_t count);
    std::uint64_t repeated() const { return repeated_; }  // pictures shown at least twice

    // Per column, 0 … 1; NaN where it is undefined (no variance, no repeats).
    std::vector<float> ceiling(RepeatCeiling mode) const;
    // Mean over columns of the split-half r, before stepping up: near 0 where repeats do not
    // agree. NaN without repeats.
    double mean_split_half() const;

  private:
    struct Pair {  // sums of a correlation
        double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
        void add(double x, double y) { ++n, a += x, b += y, aa += x * x, bb += y * y, ab += x * y; }
        double r() const;
    };
    struct Column {
        double trials = 0, mean = 0, square = 0;  // all presentations (Welford)
        double noise = 0, pictures = 0;           // Σ unbiased variance within, pictures with one
        Pair halves, others;
    };
    std::vector<Column> columns_;
    double inverse_ = 0, shown_ = 0;  // Σ 1/nᵢ over all pictures, and their number
    std::uint64_t repeated_ = 0;
};

}  // namespace cortune::datasets
