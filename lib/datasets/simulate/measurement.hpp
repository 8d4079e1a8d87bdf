// SPDX-License-Identifier: BSD-3-Clause
// From noiseless responses to what a scanner session gives: repeats, noise, z-scores
// within sessions, averages.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "datasets/simulate/cortex.hpp"
#include "datasets/simulate/files.hpp"

namespace cortune::datasets::simulate {

struct MeasurementOptions {
    std::uint64_t seed = 0;
    int subject = 1, side = 0;
    int repeats = 3;
};

inline constexpr std::int64_t session_trials = 750;  // of NSD

// Explainable share of the variance of the averaged responses, per vertex:
// var(signal) / (var(signal) + noise variance / repeats), on either set of images.
struct Ceilings {
    std::vector<float> training, test;
};

// One hemisphere's responses, images × vertices, in two files: the training images' rows,
// then those of the official test images.
class Responses {
  public:
    Responses(const std::filesystem::path& training, const std::filesystem::path& test,
              std::int64_t training_images, std::int64_t test_images, std::int64_t vertices);
    std::int64_t images() const { return training_.rows() + test_.rows(); }
    std::int64_t training_images() const { return training_.rows(); }
    std::int64_t vertices() const { return training_.columns(); }
    // `count` vertices of an image from `vertex` on.
    void write(std::int64_t image, std::int64_t vertex, const float* values, std::int64_t count);
    void read(std::int64_t image, std::int64_t vertex, float* values, std::int64_t count) const;
    void close();

  private:
    NpyMatrix training_, test_;
};

// Every image is shown `repeats` times in a random order over sessions of about
// session_trials; each trial adds white noise sized by the vertex's wanted ceiling
// (over all images); trials are z-scored per vertex within session and averaged, which
// gives `measured`. `signal` is the noiseless part of it, that is, `noiseless` through the
// same z-scores and averages: measured = signal + noise. Blocks of columns are worked on in
// parallel.
Ceilings measure(const HemisphereModel& model, const Responses& noiseless, Responses& measured,
                 Responses& signal, const MeasurementOptions& options, int threads);

}  // namespace cortune::datasets::simulate
