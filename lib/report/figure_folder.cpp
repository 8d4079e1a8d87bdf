// SPDX-License-Identifier: BSD-3-Clause
#include "report/figure_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "core/error.hpp"

namespace fs = std::filesystem;

namespace cortune::report {

FigureFolder::FigureFolder(const fs::path& path) : path_(path) {
    std::error_code error;
    made_ = fs::create_directories(path, error);
    if (error) throw OutputError(fmt::format("{}: cannot be made ({})", path.string(), error.message()));
}

FigureFolder::~FigureFolder() {
    std::error_code none;
    if (made_) fs::remove(path_, none);
}

void FigureFolder::keep(const std::vector<Figure>& figures) {
    made_ = false;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path_, error)) {
        const fs::path& path = entry.path();
        const std::string name = path.stem().string();
        const bool ours = name == "accuracy" || name.starts_with("scatter-") || name.starts_with("layers-");
        if (path.extension() != ".svg" || !ours) continue;
        std::ifstream in(path);
        std::string head(4096, '\0');
        in.read(head.data(), static_cast<std::streamsize>(head.size()));
        if (head.find("id=\"" + name + '-') == std::string::npos && head.find("id='" + name + '-') == std::string::npos) continue;  // not drawn here
        if (std::none_of(figures.begin(), figures.end(), [&](const auto& f) { return f.name == name; })) fs::remove(path, error);
    }
}

}  // namespace cortune::report
