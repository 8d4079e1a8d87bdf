// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/extract_responses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/text.hpp"
#include "datasets/repeat_ceiling.hpp"

namespace cortune::datasets {

namespace {

constexpr std::uint64_t block_bytes = std::uint64_t{32} << 20;

// A run of images of one part, from its image `at` on, which is the plan's image `row`.
struct Block {
    const ResponsePart& part;
    std::uint64_t at, row, count;
    std::vector<float>& values;
};

void for_blocks(const PlannedHemisphere& h, const std::function<void(Block)>& visit) {
    std::vector<float> values;
    std::uint64_t row = 0;
    for (const ResponsePart& part : h.parts) {
        const std::uint64_t row_bytes = std::max<std::uint64_t>(4 * part.units(), 1);
        const std::uint64_t most = std::max<std::uint64_t>(block_bytes / row_bytes, 1);
        for (std::uint64_t at = 0; at < part.images();) {
            check_interrupt();
            const std::uint64_t count = std::min(most, part.images() - at);
            values.resize(count * part.units());
            part.read(at, count, values.data());
            visit({part, at, row, count, values});
            at += count, row += count;
        }
    }
}

// Mean and deviation per column over the finite values of the training rows
// (Welford's update, double).
class Moments {
  public:
    explicit Moments(std::size_t columns) : n_(columns), mean_(columns), square_(columns) {}
    void add(const float* row) {
        for (std::size_t v = 0; v < n_.size(); ++v) {
            if (!std::isfinite(row[v])) continue;
            const double delta = row[v] - mean_[v];
            mean_[v] += delta / ++n_[v];
            square_[v] += delta * (row[v] - mean_[v]);
        }
    }
    // 1 / deviation; 0 for a constant column.
    std::vector<double> scale() const {
        std::vector<double> out(n_.size(), 0.0);
        for (std::size_t v = 0; v < out.size(); ++v)
            if (square_[v] > 0) out[v] = 1.0 / std::sqrt(square_[v] / n_[v]);
        return out;
    }
    const std::vector<double>& mean() const { return mean_; }

  private:
    std::vector<double> n_, mean_, square_;
};

Moments training_moments(const PlannedHemisphere& h, const std::vector<Split>& split) {
    if (std::count(split.begin(), split.end(), Split::train) == 0)
        throw BadInput("--normalize needs training images, and the split leaves none");
    Moments out(h.about.vertex.size());
    for_blocks(h, [&](Block block) {
        for (std::uint64_t i = 0; i < block.count; ++i)
            if (split[block.row + i] == Split::train) out.add(block.values.data() + i * block.part.units());
    });
    return out;
}

// Values that are not finite, per column, and the files they are in.
struct Faults {
    std::vector<std::uint64_t> by_column;
    std::vector<std::string> files;

    void look(const Block& block) {
        const std::size_t units = by_column.size();
        for (std::uint64_t i = 0; i < block.count; ++i) {
            bool any = false;
            for (std::size_t v = 0; v < units; ++v)
                if (!std::isfinite(block.values[i * units + v])) ++by_column[v], any = true;
            if (any) name(block.part, block.at + i);
        }
    }
    // Of several presentations those are to blame that are not finite themselves.
    void name(const ResponsePart& part, std::uint64_t image) {
        const auto rows = part.presentations.empty() ? std::vector<std::uint64_t>{image} : part.presentations[image];
        std::vector<float> row(part.units());
        for (const std::uint64_t r : rows) {
            part.rows->read(r, 1, row.data());
            if (std::all_of(row.begin(), row.end(), [](float v) { return std::isfinite(v); })) continue;
            const std::string file = part.rows->where(r);
            if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
        }
    }
    std::uint64_t total() const { return std::accumulate(by_column.begin(), by_column.end(), std::uint64_t{0}); }
    // "lh: V1v 12, EBA 3, no ROI 2"; a value counts for every ROI that it is in.
    std::string per_roi(const Hemisphere& h) const {
        std::vector<std::string> out;
        std::vector<char> inside(by_column.size(), 0);
        for (const RoiClass& c : h.roi_classes)
            for (std::size_t k = 0; k < c.label_value.size(); ++k) {
                std::uint64_t count = 0;
                for (std::size_t v = 0; v < by_column.size(); ++v)
                    if (c.label[v] == c.label_value[k]) count += by_column[v], inside[v] = 1;
                if (count > 0) out.push_back(fmt::format("{} {}", c.label_name[k], count));
            }
        std::uint64_t outside = 0;
        for (std::size_t v = 0; v < by_column.size(); ++v)
            if (!inside[v]) outside += by_column[v];
        if (outside > 0) out.push_back(fmt::format("no ROI {}", outside));
        return fmt::format("{}: {}", h.name, join(out));
    }
};

Faults copy_hemisphere(const PlannedHemisphere& h, const ExtractOptions& options, const std::vector<Split>& split,
                       DatasetWriter& writer, ColumnCheck& columns, Reporter& reporter) {
    Faults faults{std::vector<std::uint64_t>(h.about.vertex.size()), {}};
    std::vector<double> mean, scale;
    if (options.normalize) {
        const Moments moments = training_moments(h, split);
        mean = moments.mean(), scale = moments.scale();
        if (const auto constant = std::count(scale.begin(), scale.end(), 0.0); constant > 0)
            reporter.warn(fmt::format("{}: {} columns have no variance over the training images; they become zeros, or stay NaN",
                                      h.about.name, constant));
    }
    const auto total = static_cast<std::int64_t>(split.size());
    for_blocks(h, [&](Block block) {
        faults.look(block);
        columns.add(block.values.data(), block.count);
        const std::size_t units = block.part.units();
        if (options.normalize)
            for (std::uint64_t i = 0; i < block.count; ++i)
                for (std::size_t v = 0; v < units; ++v) {
                    float& y = block.values[i * units + v];
                    if (std::isfinite(y)) y = static_cast<float>((y - mean[v]) * scale[v]);
                }
        writer.write_responses(h.about.name, block.row, block.count, block.values.data());
        reporter.progress("responses " + h.about.name, static_cast<std::int64_t>(block.row + block.count), total);
    });
    return faults;
}

bool early_name(const std::string& label) {
    return label.size() >= 2 && label[0] == 'V' && (label[1] == '1' || label[1] == '2' || label[1] == '3') &&
           (label.size() == 2 || label.substr(2) == "v" || label.substr(2) == "d");
}

std::vector<std::size_t> early_columns(const Hemisphere& h, bool& known) {
    std::vector<char> inside(h.vertex.size(), 0);
    for (const RoiClass& c : h.roi_classes)
        for (std::size_t k = 0; k < c.label_value.size(); ++k)
            if (early_name(c.label_name[k]))
                for (std::size_t v = 0; v < inside.size(); ++v) inside[v] |= static_cast<char>(c.label[v] == c.label_value[k]);
    known = std::count(inside.begin(), inside.end(), 1) > 0;
    std::vector<std::size_t> out;
    for (std::size_t v = 0; v < inside.size(); ++v)
        if (!known || inside[v]) out.push_back(v);
    return out;
}

}  // namespace

namespace {

// Single presentations of chosen columns, and what they average to.
class Collector {
  public:
    Collector(EarlyResponses& out, std::vector<std::size_t> chosen) : out_(out), chosen_(std::move(chosen)) { out_.columns = chosen_.size(); }
    void add(const ResponsePart& part) {
        // Rows of a matrix come in blocks; presentations lie anywhere.
        const std::uint64_t most = part.presentations.empty() ? std::max<std::uint64_t>(block_bytes / std::max<std::uint64_t>(4 * part.units(), 1), 1) : 1;
        std::vector<float> block;
        for (std::uint64_t i = 0; i < part.images(); ++i, ++image_) {
            if (i % 64 == 0) check_interrupt();
            if (i % most == 0) {
                const std::uint64_t count = std::min(most, part.images() - i);
                block.resize((part.presentations.empty() ? count : part.count(i)) * part.units());
                if (part.presentations.empty()) part.rows->read(i, count, block.data());
                else part.read_presentations(i, block.data());
            }
            const float* rows = block.data() + (i % most) * part.units();
            std::vector<double> sum(chosen_.size(), 0.0);
            for (std::uint64_t k = 0; k < part.count(i); ++k) {
                const std::uint64_t row = part.presentations.empty() ? i : part.presentations[i][k];
                trials_.push_back({before_ + row, part.run.empty() ? 0 : part.run[row], image_, {}});
                if (!part.run.empty()) name_.try_emplace(part.run[row], part.rows->where(row));
                for (std::size_t c = 0; c < chosen_.size(); ++c) {
                    const float y = rows[k * part.units() + chosen_[c]];
                    trials_.back().value.push_back(y);
                    sum[c] += static_cast<double>(y);
                }
            }
            for (const double s : sum) out_.values.push_back(static_cast<float>(s / static_cast<double>(part.count(i))));
        }
        before_ += part.rows->rows();
    }
    void finish() {
        std::sort(trials_.begin(), trials_.end(), [](const Trial& a, const Trial& b) { return a.row < b.row; });
        std::map<std::int32_t, std::size_t> stretch;
        for (const auto& [run, name] : name_)
            if (name_.size() > 1) stretch.emplace(run, out_.stretch.size()), out_.stretch.push_back(fmt::format("run {} in {}", run, std::filesystem::path(name).filename().string()));
        constexpr std::size_t pieces = 8;
        if (stretch.empty())
            for (std::size_t p = 0; p < pieces; ++p)
                out_.stretch.push_back(fmt::format("rows {} to {}", p * trials_.size() / pieces + 1, (p + 1) * trials_.size() / pieces));
        for (std::size_t t = 0; t < trials_.size(); ++t) {
            out_.trial_image.push_back(trials_[t].image);
            out_.trial_stretch.push_back(stretch.empty() ? piece_of(t, pieces) : stretch.at(trials_[t].run));
            for (const float y : trials_[t].value) out_.trial_values.push_back(std::isfinite(y) ? y : 0.0F);
        }
    }

  private:
    struct Trial {
        std::uint64_t row;  // in the order of the files
        std::int32_t run;
        std::size_t image;
        std::vector<float> value;
    };
    std::size_t piece_of(std::size_t trial, std::size_t pieces) const {
        std::size_t p = 0;
        while ((p + 1) * trials_.size() / pieces <= trial) ++p;
        return p;
    }
    EarlyResponses& out_;
    std::vector<std::size_t> chosen_;
    std::vector<Trial> trials_;
    std::map<std::int32_t, std::string> name_;  // of runs, by their file
    std::size_t image_ = 0;
    std::uint64_t before_ = 0;
};

}  // namespace

std::vector<EarlyResponses> early_responses(const Plan& plan, std::size_t most) {
    std::vector<EarlyResponses> out;
    for (const PlannedHemisphere& h : plan.hemispheres) {
        EarlyResponses one;
        one.hemisphere = h.about.name;
        const auto all = early_columns(h.about, one.early);
        std::vector<std::size_t> chosen;
        for (std::size_t i = 0; i < std::min(most, all.size()); ++i) chosen.push_back(all[i * all.size() / std::min(most, all.size())]);
        Collector collect(one, std::move(chosen));
        for (const ResponsePart& part : h.parts) collect.add(part);
        collect.finish();
        out.push_back(std::move(one));
    }
    return out;
}

void add_ceilings(Plan& plan) {
    for (PlannedHemisphere& h : plan.hemispheres) {
        const bool repeated = std::any_of(h.parts.begin(), h.parts.end(), [](const auto& p) {
            return std::any_of(p.presentations.begin(), p.presentations.end(), [](const auto& rows) { return rows.size() > 1; });
        });
        if (!repeated) {
            if (plan.ceiling != "none")
                throw BadInput(fmt::format("--ceiling {}: no picture was shown more than once", plan.ceiling), "leave it out: there is nothing to make a ceiling from");
            continue;
        }
        RepeatStatistics statistics(h.about.vertex.size());
        std::vector<float> rows;
        for (const ResponsePart& part : h.parts)
            for (std::uint64_t i = 0; i < part.images(); ++i) {
                check_interrupt();
                rows.resize(part.count(i) * part.units());
                part.read_presentations(i, rows.data());
                statistics.add(rows.data(), part.count(i));
            }
        const double agree = statistics.mean_split_half();
        plan.findings.push_back({"repeats", h.about.name, agree, !(agree > 0.02),
                                 fmt::format("{} pictures were repeated; their halves correlate with mean r = {:.3f}{}", statistics.repeated(), agree,
                                             agree > 0.02 ? "" : ": do the repeats belong together?")});
        if (plan.ceiling == "none") continue;
        h.about.noise_ceiling = statistics.ceiling(parse_repeat_ceiling(plan.ceiling));
        h.about.ceiling_mode = plan.ceiling;
    }
}

std::vector<Finding> copy_responses(const Plan& plan, const ExtractOptions& options, const std::vector<Split>& split,
                                    DatasetWriter& writer, Reporter& reporter) {
    std::vector<Finding> findings;
    std::uint64_t total = 0;
    std::vector<std::string> files, counts;
    for (const PlannedHemisphere& h : plan.hemispheres) {
        ColumnCheck columns(h.about.vertex.size());
        const Faults faults = copy_hemisphere(h, options, split, writer, columns, reporter);
        for (auto& f : columns.findings(h.about)) findings.push_back(std::move(f));
        if (faults.total() == 0) continue;
        total += faults.total();
        for (const auto& file : faults.files)
            if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
        counts.push_back(faults.per_roi(h.about));
    }
    if (total == 0) return findings;
    const std::string what = fmt::format("{}: {} responses are NaN or infinite ({})", join(files), total,
                                         join(counts, "; "));
    if (!options.allow_nan) throw BadInput(what, "--allow-nan keeps them; they take no part in --normalize, and a column that has any is NaN in every encoding");
    reporter.warn(what);
    return findings;
}

}  // namespace cortune::datasets
