// SPDX-License-Identifier: BSD-3-Clause
// Noise ceilings from repeated presentations: which share of the variance of the averaged
// responses the picture can explain.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cortune::datasets {

// Every mode estimates q, the noise variance of one presentation in units of the signal's, and says
// NC = 1 / (1 + q · mean over all pictures of 1/nᵢ), the share of the averaged responses where nᵢ
// presentations of picture i are averaged. Pictures shown once count in that mean.
// ncsnr: noise variance from the repeats of each picture, signal variance what is left of the
//   variance over all presentations (Allen et al. 2022).
// split_half: from r between the means of every second presentation, over the pictures shown at
//   least twice. With halves of sizes hᵢ and kᵢ, r = 1 / √((1 + q·mean 1/hᵢ)(1 + q·mean 1/kᵢ)),
//   which is solved for q; where all have equally many this is Spearman and Brown's 2r / (1 + r).
// leave_one_out: the same from r between one presentation and the mean of the others, over all of
//   them: hᵢ = 1, kᵢ = nᵢ − 1.
enum class RepeatCeiling { ncsnr, split_half, leave_one_out };

RepeatCeiling parse_repeat_ceiling(const std::string& name);  // "ncsnr", "split-half", "leave-one-out"; UsageError

// The ceiling of averages with another number of presentations, from one's: the noise ratio q stays.
// `from`, `to`: means over the pictures of 1/nᵢ.
float ceiling_at(float ceiling, double from, double to);

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
    struct Pair {  // sums of a correlation of two means, and of 1 / how many each is a mean of
        double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0, inverse_a = 0, inverse_b = 0;
        void add(double x, double of_x, double y, double of_y) {
            ++n, a += x, b += y, aa += x * x, bb += y * y, ab += x * y, inverse_a += 1 / of_x, inverse_b += 1 / of_y;
        }
        double r() const;
        double noise_ratio() const;  // q; infinite where r <= 0
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
