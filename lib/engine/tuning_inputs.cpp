// SPDX-License-Identifier: BSD-3-Clause
#include "engine/tuning_inputs.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "engine/inputs.hpp"
#include "nn/features.hpp"

namespace cortune::engine {
namespace {

using datasets::DatasetFile;
using datasets::Roi;
using datasets::Split;

void check_voxels(const DatasetFile& data, const Roi& roi, int minimum) {
    if (static_cast<int>(roi.column.size()) < minimum)
        throw datasets::MissingRoi(fmt::format("{}: {} of {} has {} voxels, fewer than {}", data.where(), roi.name, roi.hemisphere,
                                   roi.column.size(), minimum),
                       "a smaller --min-voxels admits it; A+B joins two");
}

TunedSubject open_subject(const std::filesystem::path& path, const RoiChoice& choice, int min_voxels) {
    TunedSubject out;
    out.data = std::make_unique<const DatasetFile>(path);
    const DatasetFile& data = *out.data;
    data.input().verify();
    out.roi = data.roi(choice.hemisphere, choice.roi_class, choice.roi);
    check_voxels(data, out.roi, min_voxels);
    out.rows = data.rows(Split::train);
    if (out.rows.size() < 2)
        throw BadInput(fmt::format("{}: {} training images; tuning needs at least 2", data.where(), out.rows.size()));
    for (auto r : out.rows) {
        out.ids.push_back(data.images().id[static_cast<std::size_t>(r)]);
        out.sha256.push_back(data.images().sha256[static_cast<std::size_t>(r)]);
    }
    return out;
}

// An image is known by its id and by its pixels.
void check_sides(const std::vector<TunedSubject>& subjects) {
    std::map<std::string, const TunedSubject*> trains;
    for (const auto& s : subjects) {
        for (const auto& id : s.ids) trains.emplace("id " + id, &s);
        for (const auto& sha : s.sha256) trains.emplace("sha " + sha, &s);
    }
    for (const auto& s : subjects) {
        const auto& images = s.data->images();
        std::int64_t count = 0;
        const TunedSubject* other = nullptr;
        for (std::size_t i = 0; i < images.id.size(); ++i) {
            if (images.split[i] == Split::train) continue;
            auto found = trains.find("id " + images.id[i]);
            if (found == trains.end()) found = trains.find("sha " + images.sha256[i]);
            if (found == trains.end()) continue;
            ++count;
            other = found->second;
        }
        if (count > 0)
            throw BadInput(fmt::format("{}: {} held-out images train for {}", s.data->where(), count, other->data->header().subject),
                           "extract all subjects with one --split-seed and --test-share, or with one --test-list");
    }
}

}  // namespace

std::vector<TunedSubject> open_subjects(const FinetuneJob& job, const train::TuningOptions& options, const weights::Model& start,
                                        h5::Record& record, Reporter& reporter) {
    const bool several = job.datasets.size() > 1;
    if (!options.subject_weights.empty() && options.subject_weights.size() != job.datasets.size())
        throw UsageError(fmt::format("--subject-weights: {} for {} data sets", options.subject_weights.size(), job.datasets.size()));
    std::vector<TunedSubject> out;
    std::set<std::string> names;
    RoiChoice choice = job.roi;
    for (std::size_t i = 0; i < job.datasets.size(); ++i) {
        try {
            out.push_back(open_subject(job.datasets[i], choice, options.min_voxels));
        } catch (const datasets::MissingRoi& e) {
            if (!several) throw;
            reporter.warn(fmt::format("left out: {}", e.what()));
            continue;
        }
        TunedSubject& s = out.back();
        const std::string& name = s.data->header().subject;
        if (!names.insert(name).second) throw BadInput(fmt::format("{}: {} is there already", s.data->where(), name), "one data set a subject");
        if (!options.subject_weights.empty()) s.weight = options.subject_weights[i];
        choice.roi_class = s.roi.roi_class;  // the same one of all
        nn::check_image_size(*s.data, start.backbone, start.image_size);
        s.data->input().register_in(record);
    }
    if (out.empty()) throw BadInput(fmt::format("none of the {} data sets has {} of {}", job.datasets.size(), job.roi.roi, job.roi.hemisphere), "cortune-info lists what each has");
    if (several && out.size() == 1)
        reporter.warn(fmt::format("{} alone is left: nothing is pooled{}", *names.begin(), options.align_shared ? ", and --align-shared has nothing to align" : ""));
    if (several) check_sides(out);
    return out;
}

namespace {

// Per subject and image, whether early stopping looks at it. One seed and one id a picture for all, so
// that an image that one subject learns from is not what stops another.
std::vector<std::vector<bool>> inner_validation(const std::vector<TunedSubject>& subjects, const train::TuningOptions& options) {
    std::vector<std::string> ids, sha256;
    for (const auto& s : subjects) {
        ids.insert(ids.end(), s.ids.begin(), s.ids.end());
        sha256.insert(sha256.end(), s.sha256.begin(), s.sha256.end());
    }
    const auto drawn = datasets::side_ids(ids, sha256);
    const auto seed = subjects.at(0).data->header().split_seed;
    std::vector<std::vector<bool>> out;
    std::size_t at = 0;
    for (const auto& s : subjects) {
        out.emplace_back();
        for (std::size_t i = 0; i < s.ids.size(); ++i, ++at)
            out.back().push_back(options.patience > 0 && datasets::inner_validation(drawn[at], seed, options.validation_share));
    }
    return out;
}

}  // namespace

std::vector<train::TuningData> tuning_data(std::vector<TunedSubject>& subjects, const train::TuningOptions& options, torch::Device device,
                                           Reporter& reporter) {
    std::vector<train::TuningData> out;
    std::uint64_t memory = memory_budget(options.memory);
    const auto inner = inner_validation(subjects, options);
    for (auto& s : subjects) {
        const DatasetFile& data = *s.data;
        const auto& held = inner[out.size()];
        s.pixels.emplace(data, s.rows, memory, device);
        const auto side = static_cast<std::uint64_t>(data.header().image_size);
        if (s.pixels->resident()) memory -= std::min(memory, s.rows.size() * side * side * 3);
        else reporter.info(fmt::format("the images of {} do not fit in --memory and are read from the file as needed", data.header().subject));
        auto& t = out.emplace_back();
        if (!options.pool.empty()) t.name = data.header().subject;
        t.pixels = &*s.pixels;
        t.responses = torch::tensor(finite_responses(data, s.roi, s.rows)).view({static_cast<std::int64_t>(s.rows.size()), -1});
        t.ids = s.ids;
        t.weight = s.weight;
        for (std::size_t i = 0; i < s.ids.size(); ++i) (held[i] ? t.validation : t.train).push_back(static_cast<std::int64_t>(i));
        if (options.patience > 0 && (t.validation.size() < 2 || t.train.size() < 2))
            throw BadInput(fmt::format("{}: --validation-share {} leaves {} images to learn from and {} to validate on", data.where(),
                                       options.validation_share, t.train.size(), t.validation.size()));
    }
    return out;
}

void describe_subjects(const std::vector<TunedSubject>& subjects, weights::Model& m) {
    const TunedSubject& first = subjects.at(0);
    m.image_size = first.data->header().image_size;
    m.hemisphere = first.roi.hemisphere;
    m.roi_class = first.roi.roi_class;
    m.roi = first.roi.name;
    std::set<std::pair<std::string, std::string>> known;
    for (const auto& s : subjects) {
        const auto branch = static_cast<std::int16_t>(m.subjects.size());
        m.subjects.push_back(s.data->header().subject);
        m.dataset_uuids.push_back(s.data->input().uuid());
        const auto& vertex = s.data->hemisphere(s.roi.hemisphere).vertex;
        for (auto c : s.roi.column) {
            m.column.push_back(static_cast<std::int32_t>(c));
            m.vertex.push_back(vertex[static_cast<std::size_t>(c)]);
            if (subjects.size() > 1) m.branch.push_back(branch);
        }
        for (std::size_t i = 0; i < s.ids.size(); ++i) {
            if (!known.emplace(s.ids[i], s.sha256[i]).second) continue;
            m.tuned_image.push_back(s.ids[i]);
            m.tuned_sha256.push_back(s.sha256[i]);
        }
    }
}

}  // namespace cortune::engine
