// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/session_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/text.hpp"

namespace cortune::datasets {
namespace {

constexpr std::size_t columns_at_once = 2048;
// Distance from the sessions' median, in median absolute deviations (scaled to a normal's
// standard deviation), from which a session stands out.
constexpr double far = 6;

// What a session was like before its z-scores, means over the units that vary.
struct Level {
    double mean = 0, deviation = 0;
    std::uint64_t varying = 0, constant = 0;
};

// z-scores columns [from, to) of a session in place and adds what they were like.
Level standardise(std::vector<float>& values, std::uint64_t trials, std::size_t units, std::size_t from, std::size_t to) {
    std::vector<double> mean(to - from), square(to - from);
    const auto n = static_cast<double>(trials);
    for (std::uint64_t t = 0; t < trials; ++t)
        for (std::size_t v = from; v < to; ++v) mean[v - from] += static_cast<double>(values[t * units + v]) / n;
    for (std::uint64_t t = 0; t < trials; ++t)
        for (std::size_t v = from; v < to; ++v) {
            const double d = static_cast<double>(values[t * units + v]) - mean[v - from];
            square[v - from] += d * d / n;
        }
    Level out;
    for (std::size_t c = 0; c < mean.size(); ++c) {
        // A constant column has a variance of rounding errors.
        const bool finite = std::isfinite(square[c]), varies = finite && square[c] > 1e-12 * mean[c] * mean[c] && square[c] > 0;
        if (varies) out.mean += mean[c], out.deviation += std::sqrt(square[c]), ++out.varying;
        else if (finite) ++out.constant;
        square[c] = varies ? 1 / std::sqrt(square[c]) : finite ? 0.0 : square[c];
    }
    for (std::uint64_t t = 0; t < trials; ++t)
        for (std::size_t v = from; v < to; ++v) {
            float& y = values[t * units + v];
            y = static_cast<float>((static_cast<double>(y) - mean[v - from]) * square[v - from]);
        }
    return out;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return values.size() % 2 == 1 ? *middle : (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Sessions whose figure is far from the others'.
Finding outliers(const char* check, const std::string& hemisphere, const char* what, const std::vector<double>& value,
                 const std::vector<std::shared_ptr<const SessionFile>>& sessions) {
    if (value.size() == 2) {  // of two none is far from the others, but deviations that differ so much are not of one preparation
        const double ratio = std::max(value[0], value[1]) / std::min(value[0], value[1]);
        const bool odd = std::string_view(what) == "deviation" && !(ratio <= far);
        return {check, hemisphere, odd ? ratio : 0, odd,
                fmt::format("2 sessions, {} {:.3g} and {:.3g}{}", what, value[0], value[1], odd ? ": one of them stands out" : "; of two none can be told to stand out")};
    }
    const double centre = median(value);
    std::vector<double> distance;
    for (const double v : value) distance.push_back(std::abs(v - centre));
    // Sessions that hardly differ are no outliers of each other.
    const double unit = std::max(1.4826 * median(distance), 0.05 * std::abs(centre)) + 1e-12;
    std::vector<std::string> odd;
    double worst = 0;
    for (std::size_t s = 0; s < value.size(); ++s) {
        worst = std::max(worst, distance[s] / unit);
        if (distance[s] > far * unit) odd.push_back(fmt::format("{} ({:.3g})", sessions[s]->path().filename().string(), value[s]));
    }
    return {check, hemisphere, worst, !odd.empty(),
            odd.empty() ? fmt::format("{} sessions, median {} {:.3g}; none stands out", value.size(), what, centre)
                        : fmt::format("sessions whose {} is far from the median {:.3g}: {}", what, centre, join(odd))};
}

}  // namespace

Sessions::Sessions(std::vector<std::shared_ptr<const SessionFile>> files, std::uint64_t units, std::string name, int threads)
    : files_(std::move(files)), units_(units), name_(std::move(name)), threads_(threads) {
    for (const auto& s : files_) trials_ += s->trials();
}

std::vector<RowFile> Sessions::files() const {
    std::vector<RowFile> out;
    for (const auto& s : files_) out.push_back({s->path(), s->trials(), s->bytes()});
    return out;
}

std::uint64_t Sessions::memory_bytes() const {
    std::uint64_t most = 0;
    for (const auto& s : files_) most = std::max(most, s->trials());
    return most * units_ * sizeof(float);
}

void Sessions::prepare(const std::filesystem::path& scratch, Reporter& reporter, std::vector<Finding>& findings) {
    if (scratch_) return;
    const std::uint64_t on_disk = trials_ * units_ * sizeof(float);
    scratch_.emplace(scratch, on_disk, "--scratch names a folder with more room");
    std::vector<double> mean, deviation;
    std::uint64_t constant = 0, row = 0;
    std::vector<std::string> with_constant;
    std::vector<float> values;
    for (const auto& session : files_) {
        const std::uint64_t trials = session->trials();
        values.resize(trials * units_);
        check_interrupt();
        session->read(values.data());
        const std::size_t blocks = (units_ + columns_at_once - 1) / columns_at_once;
        std::vector<Level> level(blocks);
        parallel_for(blocks, threads_, [&](std::size_t b) {
            level[b] = standardise(values, trials, units_, b * columns_at_once, std::min<std::size_t>((b + 1) * columns_at_once, units_));
        });
        Level sum;
        for (const Level& l : level) sum.mean += l.mean, sum.deviation += l.deviation, sum.varying += l.varying, sum.constant += l.constant;
        const auto varying = static_cast<double>(std::max<std::uint64_t>(sum.varying, 1));
        mean.push_back(sum.mean / varying), deviation.push_back(sum.deviation / varying);
        constant += sum.constant;
        if (sum.constant > 0) with_constant.push_back(fmt::format("{} {}", session->path().filename().string(), sum.constant));
        scratch_->write(row * units_ * sizeof(float), values.data(), values.size() * sizeof(float));
        row += trials;
        reporter.progress("sessions " + name_, static_cast<std::int64_t>(mean.size()), static_cast<std::int64_t>(files_.size()));
    }
    reporter.info(fmt::format("{}: {} sessions, one at a time in {} of memory, {} of scratch", name_, files_.size(),
                                format_bytes(static_cast<double>(memory_bytes())),
                                format_bytes(static_cast<double>(on_disk))));
    findings.push_back(outliers("session_level", name_, "mean", mean, files_));
    findings.push_back(outliers("session_spread", name_, "deviation", deviation, files_));
    findings.push_back({"constant_sessions", name_, static_cast<double>(constant), constant > 0,
                        constant == 0 ? std::string("no voxel is constant in a session")
                                      : fmt::format("voxels that are constant in a session, and count as 0 there: {}", join(with_constant))});
}

void Sessions::read(std::uint64_t trial, std::uint64_t first, std::uint64_t count, float* out) const {
    if (!scratch_) throw std::logic_error("Sessions: read before prepare");
    scratch_->read((trial * units_ + first) * sizeof(float), out, count * sizeof(float));
}

std::vector<std::shared_ptr<ResponseRows>> rows_of(const std::shared_ptr<Sessions>& sessions, const std::vector<std::uint64_t>& units) {
    std::vector<std::shared_ptr<ResponseRows>> out;
    std::uint64_t first = 0;
    for (const std::uint64_t count : units) {
        out.push_back(std::make_shared<SessionRows>(sessions, first, count));
        first += count;
    }
    return out;
}

}  // namespace cortune::datasets
