// SPDX-License-Identifier: BSD-3-Clause
// The folder that figures are written to.
#pragma once

#include <filesystem>
#include <vector>

#include "report/evaluation_report.hpp"

namespace cortune::report {

// Made where it is not there, and then taken away again with the scope unless it is kept.
class FigureFolder {
  public:
    explicit FigureFolder(const std::filesystem::path& path);  // OutputError
    ~FigureFolder();
    FigureFolder(const FigureFolder&) = delete;
    FigureFolder& operator=(const FigureFolder&) = delete;
    // These figures are in it; what an earlier evaluation left beside them under a figure's name goes.
    void keep(const std::vector<Figure>& figures);

  private:
    std::filesystem::path path_;
    bool made_ = false;
};

}  // namespace cortune::report
