// SPDX-License-Identifier: BSD-3-Clause
#include "weights/state_dict.hpp"

#include <algorithm>

namespace cortune::weights {

const Tensor* find(const StateDict& state, const std::string& name) {
    const auto at = std::find_if(state.begin(), state.end(), [&](const Tensor& t) { return t.name == name; });
    return at == state.end() ? nullptr : &*at;
}

}  // namespace cortune::weights
