// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nod/betas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "core/foreign_file.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::nod {
namespace {

// A run's betas at the brainordinates that are wanted.
class RunBetas : public SessionFile {
  public:
    RunBetas(const Run& run, const formats::CiftiFile& like, std::vector<std::int64_t> at) : file_(run.betas), at_(std::move(at)) {
        if (file_.maps() != static_cast<std::int64_t>(run.picture.size()))
            throw BadInput(fmt::format("{}: {} trials, {} has {}", run.betas.string(), file_.maps(), run.events.string(), run.picture.size()),
                           "betas and events must be of the same run; one of the two is cut short or of another session");
        for (const char* h : {"lh", "rh"})
            if (file_.cortex(h).vertex != like.cortex(h).vertex || file_.cortex(h).offset != like.cortex(h).offset)
                throw BadInput(fmt::format("{}: other brainordinates than in {}", run.betas.string(), like.path().string()), "all runs must be of one subject and one release of the data; download it again");
    }
    const fs::path& path() const override { return file_.path(); }
    std::uint64_t trials() const override { return static_cast<std::uint64_t>(file_.maps()); }
    std::uint64_t bytes() const override { return file_bytes(path()); }
    // The file has all trials of a brainordinate together.
    void read(float* out) const override {
        check_interrupt();
        std::vector<float> row(trials());
        for (std::size_t v = 0; v < at_.size(); ++v) {
            file_.read(at_[v], row.data());
            for (std::size_t t = 0; t < row.size(); ++t) out[t * at_.size() + v] = row[t];
        }
    }

  private:
    formats::CiftiFile file_;
    std::vector<std::int64_t> at_;
};

// The labels beside the betas, where they name pictures, are those of the events in order.
void check_labels(const Run& run) {
    std::string name = run.betas.string();
    constexpr std::string_view ending = "_beta.dscalar.nii";
    name.replace(name.size() - ending.size(), ending.size(), "_label.txt");
    std::error_code error;
    if (!fs::exists(name, error)) return;
    require_file(name);
    std::vector<std::string> label, shown;
    std::ifstream in(name);
    for (std::string line; std::getline(in, line);)
        if (!trim(line).empty()) label.push_back(fs::path(trim(line)).stem().string());
    for (const auto& picture : run.picture) shown.push_back(fs::path(picture).stem().string());
    const bool names = std::any_of(label.begin(), label.end(), [&](const auto& l) { return std::find(shown.begin(), shown.end(), l) != shown.end(); });
    if (names && label != shown)
        throw BadInput(fmt::format("{}: names other pictures, or in another order, than {}", name, run.events.string()), "betas and events must be of the same run");
}

}  // namespace

std::shared_ptr<const SessionFile> open_betas(const Run& run, const formats::CiftiFile& like, const std::vector<std::int64_t>& at) {
    check_labels(run);
    return std::make_shared<RunBetas>(run, like, at);
}

}  // namespace cortune::datasets::nod
