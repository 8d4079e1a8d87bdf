// SPDX-License-Identifier: BSD-3-Clause
// Lets the parity tests see what the tools keep to themselves, as raw float64 files:
//   engine_driver features MODEL DATASET TAP OUT     features of all images at one tap
//   engine_driver loss NAME TAU N Z A B OUT          loss and its gradients (A, B: n × z)
// CORTUNE_TEST_DEVICE says where it computes; without it, on the CPU.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>

#include "nn/backbone.hpp"
#include "nn/device.hpp"
#include "nn/features.hpp"
#include "train/loss.hpp"
#include "weights/model_file.hpp"

namespace {

using namespace cortune;
using torch::Tensor;

torch::Device device() {
    const char* name = std::getenv("CORTUNE_TEST_DEVICE");
    return nn::choose_device(name ? name : "cpu", 1);
}

Tensor read(const std::string& path, std::vector<std::int64_t> shape) {
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    return torch::from_blob(const_cast<char*>(bytes.data()), shape, torch::kFloat64).clone();
}

void write(std::ofstream& out, const Tensor& t) {
    const Tensor d = t.detach().to(torch::kCPU, torch::kFloat64).contiguous();
    out.write(static_cast<const char*>(d.data_ptr()), static_cast<std::streamsize>(d.numel() * 8));
}

void features(char** a) {
    h5::Record record;
    const auto model = weights::load_weights(a[0], record);
    const datasets::DatasetFile data(a[1]);
    nn::Backbone net(model.backbone);
    net.load(model.parameters, torch::kFloat32, device());
    std::vector<std::int64_t> rows(data.images().id.size());
    std::iota(rows.begin(), rows.end(), 0);
    const auto width = nn::tap_widths(net, {a[2]}, data.header().image_size, device())[0];
    std::ofstream out(a[3], std::ios::binary);
    Reporter silent;
    nn::extract_features(net, {a[2]}, data, rows, 7, device(),
                         [&](std::size_t, std::int64_t, std::int64_t count, const float* values) {
                             write(out, torch::from_blob(const_cast<float*>(values), {count, width}));
                         }, silent);
}

void loss(char** a) {
    const std::string name = a[0];
    const double tau = std::stod(a[1]);
    const std::int64_t n = std::stoll(a[2]), z = std::stoll(a[3]);
    Tensor x = read(a[4], {n, z}).to(device()).requires_grad_(), y = read(a[5], {n, z}).to(device()).requires_grad_();
    const Tensor value = name == "clip" ? train::clip(x, y, x, y, tau) : name == "mse" ? train::mse(x, y, n) : train::infonce(x, y, tau);
    value.backward();
    std::ofstream out(a[6], std::ios::binary);
    for (const auto& t : {value, x.grad(), y.grad()}) write(out, t);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "features" && argc == 6) features(argv + 2);
    else if (what == "loss" && argc == 9) loss(argv + 2);
    else return 2;
    return 0;
}
