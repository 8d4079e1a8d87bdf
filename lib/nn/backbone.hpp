// SPDX-License-Identifier: BSD-3-Clause
// AlexNet, its small sibling and SqueezeNet 1.1, with torchvision's module and
// parameter names. Every module's output can be tapped by its name; activations are
// not in place, so a tap sees the value before the activation that follows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/torch.hpp"
#include "weights/state_dict.hpp"

namespace cortune::nn {

// Stands in for dropout layer number `layer` of the backbone: gets its input, returns
// its output.
using Dropout = std::function<torch::Tensor(const torch::Tensor& input, int layer)>;
// Gets the output of a tapped module.
using Tap = std::function<void(const std::string& name, const torch::Tensor& output)>;

class Backbone {
  public:
    // Parameters undefined until load() or init().
    explicit Backbone(const std::string& architecture);
    Backbone(const Backbone&) = delete;  // its modules point at its parameters
    Backbone& operator=(const Backbone&) = delete;

    const std::string& name() const { return name_; }
    std::int64_t outputs() const { return outputs_; }  // width of the last layer

    // Takes the values over as `dtype`, convolution kernels channels-last.
    void load(const weights::StateDict& state, torch::ScalarType dtype, torch::Device device);
    // Uniform in ±1/sqrt(fan_in), PyTorch's default, from a seeded generator of ours.
    void init(std::int64_t seed, torch::Device device);
    weights::StateDict state() const;  // float32, C order
    std::vector<std::pair<std::string, torch::Tensor>>& parameters() { return parameters_; }

    // (N, 3, H, W) → (N, outputs). The input's dtype is the precision of the pass:
    // parameters are converted to it (and gradients back). Without `dropout` the
    // dropout layers pass their input on.
    torch::Tensor forward(torch::Tensor x, const Dropout* dropout = nullptr) const;
    // Evaluation up to the last of `taps`, without gradients.
    void tapped(torch::Tensor x, const std::vector<std::string>& taps, const Tap& tap) const;
    // The same with gradients, where x asks for them.
    void traced(torch::Tensor x, const std::vector<std::string>& taps, const Tap& tap) const;

    std::vector<std::string> module_names() const;  // what can be tapped, in order
    // Throws BadInput for a name that is no module, nearest names first.
    void check_taps(const std::vector<std::string>& taps) const;

  private:
    using Function = std::function<torch::Tensor(const torch::Tensor&, const Dropout*)>;
    struct Module {
        std::string name;
        Function function;
    };
    void add(const std::string& name, Function function) { modules_.push_back({name, std::move(function)}); }
    std::size_t parameter(const std::string& name);
    Function conv(const std::string& name, std::int64_t stride, std::int64_t padding);
    Function linear(const std::string& name);
    Function fire(const std::string& name);
    Function dropout();
    void build_alexnet(std::int64_t first_stride, std::int64_t first_padding, std::int64_t second_padding,
                       std::int64_t pooled);
    void build_squeezenet();

    std::string name_;
    std::int64_t outputs_ = 0;
    int dropouts_ = 0;
    std::vector<Module> modules_;
    std::vector<std::pair<std::string, torch::Tensor>> parameters_;
};

// float32 C-order tensors of ours from LibTorch's and back.
weights::Tensor to_plain(const std::string& name, const torch::Tensor& tensor);
torch::Tensor from_plain(const weights::Tensor& tensor);

}  // namespace cortune::nn
