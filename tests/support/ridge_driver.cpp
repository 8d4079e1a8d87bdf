// SPDX-License-Identifier: BSD-3-Clause
// Lets the parity test feed features to the encoding model: raw little-endian files in,
// raw files out, in one folder.
//   ridge_driver DIR exact|fast|automatic COMPONENTS THREADS
// reads  sizes.i64 = {images n, features d, voxels V, folds, scored}
//        x.f32 (n × d), y.f32 (n × V, voxel by voxel), fold.i64 (n; -1: scored, not fitted)
// writes cv_r.f32 (V), alpha.f64 (V), prediction.f32 (scored or cv images × V, voxel by voxel),
//        vectors.f64, values.f64, coef.f32, intercept.f32: refit_weights
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "encode/protocol.hpp"
#include "linalg/gram.hpp"
#include "nn/feature_store.hpp"
#include "linalg/threads.hpp"

using namespace cortune;

namespace {

template <class T>
std::vector<T> load(const std::string& path, std::size_t count) {
    std::vector<T> out(count);
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(count * sizeof(T)));
    if (!file) throw std::runtime_error(path + ": too short");
    return out;
}

template <class Matrix>
void save(const std::string& path, const Matrix& values) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * static_cast<Eigen::Index>(sizeof(*values.data()))));
}

struct Teller : Reporter {
    void detail(const std::string& text) override { std::printf("%s\n", text.c_str()); }
};

Eigen::MatrixXd gram_of(std::vector<float>& x, std::int64_t n, std::int64_t d) {
    // The store counts live columns as the tools do.
    nn::FeatureStore store(n, {d}, static_cast<std::uint64_t>(4 * n * d), "/tmp");
    store.write(0, 0, n, x.data());
    linalg::GramAccumulator gram(n, store.live(0));
    for (std::int64_t p = 0; p < store.panels(0); ++p) {
        std::vector<float> panel(static_cast<std::size_t>(n * store.columns(0, p)));
        store.read_panel(0, p, panel.data());
        gram.add_panel(panel.data(), store.columns(0, p));
    }
    return gram.finish();
}

linalg::PcaMode mode_of(const std::string& name) {
    if (name == "exact") return linalg::PcaMode::exact;
    return name == "fast" ? linalg::PcaMode::fast : linalg::PcaMode::automatic;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    const std::string dir = std::string(argv[1]) + "/";
    const auto size = load<std::int64_t>(dir + "sizes.i64", 5);
    const std::int64_t n = size[0], d = size[1], voxels = size[2];
    auto x = load<float>(dir + "x.f32", static_cast<std::size_t>(n * d));
    auto y_values = load<float>(dir + "y.f32", static_cast<std::size_t>(n * voxels));
    const Eigen::MatrixXf y = Eigen::Map<Eigen::MatrixXf>(y_values.data(), n, voxels);
    const auto fold = load<std::int64_t>(dir + "fold.i64", static_cast<std::size_t>(n));
    encode::ImageSets sets;
    sets.folds = static_cast<int>(size[3]);
    for (std::int64_t i = 0; i < n; ++i) {
        if (fold[static_cast<std::size_t>(i)] < 0) {
            sets.scored.push_back(i);
        } else {
            sets.cv.push_back(i);
            sets.fold.push_back(static_cast<int>(fold[static_cast<std::size_t>(i)]));
        }
    }
    encode::RidgeOptions options;
    options.pca = mode_of(argv[2]);
    options.components = std::atoll(argv[3]);
    options.threads = std::atoi(argv[4]);
    linalg::set_blas_threads(options.threads);

    const Eigen::MatrixXd gram = gram_of(x, n, d);
    Teller teller;
    const auto start = std::chrono::steady_clock::now();
    const auto fit = encode::fit_layer(gram, d, sets, y, options, teller);
    std::printf("fit_layer %.3f s\n",
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    save(dir + "cv_r.f32", fit.cv_r);
    save(dir + "alpha.f64", fit.alpha);
    save(dir + "prediction.f32", sets.scored.empty() ? fit.folded : fit.scored);
    const auto weights = encode::refit_weights(gram, d, sets.cv, y, fit.alpha, options);
    save(dir + "vectors.f64", weights.pca.vectors);
    save(dir + "values.f64", weights.pca.values);
    save(dir + "coef.f32", weights.coef);
    save(dir + "intercept.f32", weights.intercept);
    return 0;
}
