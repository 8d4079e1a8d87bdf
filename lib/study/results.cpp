// SPDX-License-Identifier: BSD-3-Clause
#include "study/results.hpp"

#include <fmt/format.h>

#include <functional>
#include <optional>

#include "core/error.hpp"
#include "core/text.hpp"
#include "encode/evaluation_file.hpp"
#include "encode/evaluation_mean.hpp"
#include "encode/transfer_file.hpp"
#include "study/progress.hpp"
#include "study/table.hpp"

namespace cortune::study {
namespace {

namespace fs = std::filesystem;

class Results {
  public:
    Results(const Study& study, bool unfinished) : s_(study), unfinished_(unfinished), progress_(progress_of(study)) {}
    report::StudyPart read();

  private:
    std::optional<h5::Input> open(const fs::path& output, const char* kind);
    report::StudyComparison comparison(const std::function<fs::path(std::int64_t)>& file);

    const Study& s_;
    bool unfinished_;
    std::vector<Progress> progress_;
    report::StudyPart out_;
};

std::optional<h5::Input> Results::open(const fs::path& output, const char* kind) {
    for (std::size_t i = 0; i < s_.steps.size(); ++i) {
        if (s_.steps[i].output != output || progress_[i].state == State::done) continue;
        const std::string state = fmt::format("{} is {}", s_.steps[i].id, name_of(progress_[i].state));
        if (!unfinished_) throw BadInput(fmt::format("{}: {}", s_.file.string(), state), "study-run --status shows what is missing; --unfinished reports what is there");
        out_.notes.push_back("left out: " + state);
        return std::nullopt;
    }
    h5::Input file(s_.folder / output, {kind});
    file.verify();
    const auto tree = file.provenance();
    const auto& node = tree.at("nodes").at(file.uuid());
    out_.files.push_back(fmt::format("{}  {}\n  {}", file.path().string(), file.uuid(), join(node.at("argv").get<std::vector<std::string>>(), " ")));
    return file;
}

report::StudyComparison Results::comparison(const std::function<fs::path(std::int64_t)>& file) {
    std::vector<encode::Evaluation> all;
    for (const auto seed : s_.seeds)  // those that are done
        if (const auto input = open(file(seed), "evaluation")) all.push_back(encode::read_evaluation(*input));
    if (all.empty()) return {};
    return {all.size(), encode::mean_over_seeds(all)};
}

report::StudyPart Results::read() {
    out_.name = s_.name;
    out_.table = read_table(s_.file).dump(2);
    for (const auto& text : s_.left_out) out_.notes.push_back("left out: " + text);
    out_.tuning = comparison([&](auto seed) { return s_.evaluation(seed); });
    if (out_.tuning.seeds == 0) throw BadInput(s_.file.string() + ": no evaluation is done", "study-run --status shows what is missing");
    for (const auto& of : s_.comparisons)
        if (auto found = comparison([&](auto seed) { return s_.comparison(of, seed); }); found.seeds > 0) out_.comparisons.push_back(std::move(found));
    for (const auto& method : s_.transfer) {
        std::vector<std::vector<encode::TransferGroup>> groups;
        std::vector<std::vector<encode::TransferTarget>> targets;
        for (const auto seed : s_.seeds)
            if (const auto file = open(s_.transfer_file(method, seed), "transfer")) groups.push_back(encode::read_transfer(*file)), targets.push_back(encode::read_targets(*file));
        if (!groups.empty()) out_.transfers.push_back({method, groups.size(), encode::mean_over_seeds(groups), encode::mean_over_seeds(targets)});
    }
    return std::move(out_);
}

}  // namespace

report::StudyPart read_results(const Study& study, bool unfinished) { return Results(study, unfinished).read(); }

}  // namespace cortune::study
