// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/text_list.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/whole_file.hpp"

namespace cortune::datasets {

std::vector<ListLine> read_list(const std::filesystem::path& path) {
    const auto bytes = read_whole_file(path, std::uint64_t{256} << 20);
    std::vector<ListLine> out;
    std::size_t number = 0;
    for (const auto& line : split(std::string(bytes.begin(), bytes.end()), '\n')) {
        ++number;
        if (std::string name = trim(line); !name.empty() && name[0] != '#') out.push_back({std::move(name), number});
    }
    if (out.empty()) throw BadInput(path.string() + ": holds no name");
    return out;
}

}  // namespace cortune::datasets
