// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nsd/betas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/system.hpp"
#include "core/foreign_file.hpp"
#include "datasets/nsd/experiment.hpp"
#include "formats/mgh.hpp"
#include "formats/nifti.hpp"
#include "h5/foreign.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::nsd {
namespace {

constexpr float volume_scale = 300;  // int16 = percent signal change × 300

void check_trials(const fs::path& path, std::int64_t found) {
    if (found != session_trials)
        throw BadInput(fmt::format("{}: {} trials, a session of NSD has {}", path.string(), found, session_trials),
                       "the file is cut short or of another kind: download it again, or leave it out by --sessions");
}

class VolumeBetas : public SessionFile {
  public:
    VolumeBetas(const fs::path& path, std::vector<std::int32_t> position)
        : path_(path), position_(std::move(position)), file_((require_file(path), path)), betas_(file_.root().dataset("betas")) {
        const auto shape = betas_.shape();
        if (shape.size() != 4 || betas_.type_name() != "int16")
            throw BadInput(fmt::format("{}: expected int16, trials × Z × Y × X", betas_.where()), "take the betas as NSD distributes them");
        if (shape[0] != static_cast<std::uint64_t>(session_trials) && std::count(shape.begin(), shape.end(), static_cast<std::uint64_t>(session_trials)) == 1)
            throw BadInput(fmt::format("{}: expected trials × Z × Y × X, found {} × {} × {} × {}", betas_.where(), shape[0], shape[1], shape[2], shape[3]),
                           "the axes are permuted: write the trials first, then Z, Y, X (C order)");
        check_trials(path, static_cast<std::int64_t>(shape[0]));
        grid_ = {static_cast<std::int64_t>(shape[3]), static_cast<std::int64_t>(shape[2]), static_cast<std::int64_t>(shape[1])};
    }
    const Grid& grid() const { return grid_; }
    const fs::path& path() const override { return path_; }
    std::uint64_t trials() const override { return session_trials; }
    std::uint64_t bytes() const override { return file_bytes(path_); }
    // NSD's chunks hold all trials of a voxel: then plane after plane of the volume is read, so
    // that every chunk is touched once; else trial after trial.
    void read(float* out) const override {
        const auto chunk = betas_.chunk();
        if (!chunk.empty() && chunk[0] > 1) return read_planes(std::max<std::uint64_t>(chunk[1], 1), out);
        const auto voxels = static_cast<std::uint64_t>(grid_[0] * grid_[1] * grid_[2]);
        std::vector<std::int16_t> trial(voxels);
        for (std::uint64_t t = 0; t < trials(); ++t) {
            check_interrupt();
            betas_.read_rows<std::int16_t>(t, 1, trial.data());
            for (const auto p : position_) *out++ = static_cast<float>(trial[static_cast<std::size_t>(p)]) / volume_scale;
        }
    }

  private:
    // `thick` planes of the volume at a time.
    void read_planes(std::uint64_t thick, float* out) const {
        const auto x = static_cast<std::uint64_t>(grid_[0]), y = static_cast<std::uint64_t>(grid_[1]), z = static_cast<std::uint64_t>(grid_[2]);
        const std::uint64_t plane = x * y;
        std::vector<std::pair<std::uint64_t, std::size_t>> wanted;  // position, column
        for (std::size_t v = 0; v < position_.size(); ++v) wanted.emplace_back(position_[v], v);
        std::sort(wanted.begin(), wanted.end());
        std::vector<std::int16_t> block;
        for (auto first = wanted.begin(), last = first; first != wanted.end(); first = last) {
            check_interrupt();
            const std::uint64_t from = first->first / plane / thick * thick, planes = std::min(thick, z - from), voxels = planes * plane;
            last = std::find_if(first, wanted.end(), [&](const auto& w) { return w.first >= from * plane + voxels; });
            block.resize(trials() * voxels);
            betas_.read_box<std::int16_t>({0, from, 0, 0}, {trials(), planes, y, x}, block.data());
            for (std::uint64_t t = 0; t < trials(); ++t)
                for (auto w = first; w != last; ++w)
                    out[t * position_.size() + w->second] = static_cast<float>(block[t * voxels + w->first - from * plane]) / volume_scale;
        }
    }

    fs::path path_;
    std::vector<std::int32_t> position_;
    h5::Foreign file_;
    h5::Dataset betas_;
    Grid grid_{};
};

class SurfaceBetas : public SessionFile {
  public:
    SurfaceBetas(const fs::path& path, std::vector<std::int32_t> position) : position_(std::move(position)), file_(path) {
        check_trials(path, file_.frames());
    }
    Grid grid() const { return {file_.vertices(), 1, 1}; }
    const fs::path& path() const override { return file_.path(); }
    std::uint64_t trials() const override { return session_trials; }
    std::uint64_t bytes() const override { return file_bytes(path()); }
    void read(float* out) const override {
        for (std::uint64_t t = 0; t < trials(); ++t) {
            check_interrupt();
            const auto frame = file_.frame(static_cast<std::int64_t>(t));
            for (const auto p : position_) *out++ = frame[static_cast<std::size_t>(p)];
        }
    }

  private:
    std::vector<std::int32_t> position_;
    formats::MghFile file_;
};

void check_size(const Tree& tree, const fs::path& path, const Grid& grid) {
    const int subject = tree.space == "func1pt8mm" ? subject_of_size(grid) : 0;
    if (subject > 0 && subject != tree.subject)
        throw BadInput(fmt::format("{}: {} voxels are the volume of NSD subject {}, asked for is subject {}", path.string(), formats::shape_of(grid), subject, tree.subject),
                       "put every subject's files into its own folder");
}

void check_grid(const fs::path& path, const Grid& found, const Grid& wanted) {
    if (found == wanted) return;
    const bool permuted = std::is_permutation(found.begin(), found.end(), wanted.begin());
    throw BadInput(fmt::format("{}: {} voxels (X × Y × Z), the first session has {}", path.string(), formats::shape_of(found), formats::shape_of(wanted)),
                   permuted ? "the axes are permuted: NSD's betas are trials × Z × Y × X" : "all sessions must be of the same subject and resolution");
}

}  // namespace

Grid read_grid(const Tree& tree, const std::string& hemisphere, int session) {
    const fs::path path = tree.session(hemisphere, session);
    if (tree.surface()) return SurfaceBetas(path, {}).grid();
    const Grid out = VolumeBetas(path, {}).grid();
    check_size(tree, path, out);
    return out;
}

std::shared_ptr<const SessionFile> open_betas(const Tree& tree, const std::string& hemisphere, int session, const Grid& grid,
                                              const std::vector<std::int32_t>& position) {
    const fs::path path = tree.session(hemisphere, session);
    if (tree.surface()) {
        auto out = std::make_shared<SurfaceBetas>(path, position);
        check_grid(path, out->grid(), grid);
        return out;
    }
    auto out = std::make_shared<VolumeBetas>(path, position);
    check_grid(path, out->grid(), grid);
    return out;
}

}  // namespace cortune::datasets::nsd
