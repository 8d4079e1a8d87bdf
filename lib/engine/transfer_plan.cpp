// SPDX-License-Identifier: BSD-3-Clause
#include "engine/transfer_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/dataset.hpp"
#include "encode/encoding_file.hpp"
#include "weights/architecture.hpp"

namespace cortune::engine {
namespace {

using datasets::DatasetFile;

struct Source {
    std::string path, name, hemisphere, backbone;
    encode::Region region;
    std::vector<std::string> subjects, image, sha256;
};

// What a model file says of itself, without its parameters.
Source read_source(const h5::Input& file) {
    const h5::Node& root = file.root();
    const std::string method = root.attr_string("method");
    if (method == "untuned") throw BadInput(file.path().string() + ": is not tuned", "--untuned names the network that all are compared with");
    Source out{file.path().string(), "", root.attr_string("hemisphere"), root.attr_string("backbone"), {root.attr_string("roi_class"), root.attr_string("roi")},
               root.attr_strings("subjects"), root.dataset("tuned/image").read_strings(), root.dataset("tuned/sha256").read_strings()};
    out.name = join(out.subjects, "+") + ' ' + method;
    return out;
}

struct Inputs {
    std::vector<Source> sources;
    std::vector<std::unique_ptr<const DatasetFile>> targets;
};

Inputs open_inputs(const std::vector<std::string>& files) {
    Inputs out;
    std::set<std::string> subjects;
    for (const auto& path : files) {
        const h5::Input file(path, {"model", "dataset"});
        if (file.kind() == "model") {
            out.sources.push_back(read_source(file));
            continue;
        }
        out.targets.push_back(std::make_unique<const DatasetFile>(path));
        const std::string& subject = out.targets.back()->header().subject;
        if (!subjects.insert(subject).second) throw BadInput(fmt::format("{}: {} is there already", path, subject), "one data set a subject");
    }
    if (out.sources.empty() || out.targets.empty())
        throw UsageError(out.sources.empty() ? "no tuned model is given" : "no data set is given", "transfer-eval MODEL... DATASET... -o FILE");
    return out;
}

// The target's columns for the source's region; none where it lacks it.
std::vector<datasets::Roi> regions_in(const DatasetFile& target, const Source& source, const encode::Regions& regions) {
    const auto& all = target.hemispheres();
    const auto h = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == source.hemisphere; });
    if (h == all.end()) return {};
    std::vector<std::string> classes;
    for (const auto& c : h->roi_classes) classes.push_back(c.name);
    std::vector<datasets::Roi> out;
    for (const auto& region : regions.among(source.region, classes)) try {
            out.push_back(target.roi(h->name, region.roi_class == "all" ? "" : region.roi_class, region.roi));
        } catch (const datasets::MissingRoi&) {
            // Named by the caller.
        } catch (const BadInput&) {
            // A name that this subject's class does not have.
        }
    return out;
}

std::int64_t tuned_among_scored(const DatasetFile& target, const Source& source) {
    std::vector<std::string> ids, sha256;
    for (const auto row : target.rows(datasets::Split::test)) {
        ids.push_back(target.images().id[static_cast<std::size_t>(row)]);
        sha256.push_back(target.images().sha256[static_cast<std::size_t>(row)]);
    }
    return encode::count_tuned(ids, sha256, source.image, source.sha256);
}

void count_work(TransferPlan& plan, const Inputs& in) {
    for (const auto& pass : plan.passes) {
        std::set<std::string> pictures;
        std::set<std::filesystem::path> seen;
        for (const auto& target : pass.targets) {
            if (!seen.insert(target.dataset).second) continue;
            const auto data = std::find_if(in.targets.begin(), in.targets.end(), [&](const auto& d) { return d->where() == target.dataset; });
            std::int64_t images = 0;
            for (const auto side : {datasets::Split::train, datasets::Split::test})
                for (const auto row : (*data)->rows(side)) pictures.insert((*data)->images().sha256[static_cast<std::size_t>(row)]), ++images;
            plan.fit_images.push_back(images);
        }
        plan.images.push_back(static_cast<std::int64_t>(pictures.size()));
    }
}

}  // namespace

TransferPlan plan_transfer(const std::vector<std::string>& files, const std::filesystem::path& untuned, const encode::Regions& regions, int min_voxels,
                           const std::filesystem::path& folder) {
    const Inputs in = open_inputs(files);
    TransferPlan plan;
    plan.passes.push_back({untuned, {}});
    std::map<std::string, std::filesystem::path> reference;  // of the untuned network, by target and region
    for (std::size_t s = 0; s < in.sources.size(); ++s) {
        const Source& source = in.sources[s];
        if (source.backbone != in.sources[0].backbone)
            throw BadInput(fmt::format("{}: is a {}, {} a {}", source.path, source.backbone, in.sources[0].path, in.sources[0].backbone), "all are compared with one untuned network");
        EncodePass pass{source.path, {}};
        for (std::size_t t = 0; t < in.targets.size(); ++t) {
            const DatasetFile& target = *in.targets[t];
            auto found = regions_in(target, source, regions);
            std::erase_if(found, [&](const auto& roi) { return static_cast<int>(roi.column.size()) < min_voxels; });
            if (found.empty())
                plan.skipped.push_back(fmt::format("{} on {}: no {} {} of {} voxels", source.path, target.header().subject, source.hemisphere, source.region.roi, min_voxels));
            for (const auto& roi : found) {
                const std::string key = fmt::format("{} {} {} {}", t, roi.hemisphere, roi.roi_class, roi.name);
                const RoiChoice choice{roi.hemisphere, roi.roi_class == "all" ? "" : roi.roi_class, roi.name};
                if (const auto [known, added] = reference.try_emplace(key, folder / fmt::format("untuned.{}.h5", reference.size())); added)
                    plan.passes[0].targets.push_back({target.where(), choice, known->second});
                const auto output = folder / fmt::format("{}.{}.{}.h5", s, t, pass.targets.size());
                pass.targets.push_back({target.where(), choice, output});
                TransferPair pair;
                pair.cell.source = source.name;
                pair.cell.model = source.path;
                pair.cell.source_roi = source.hemisphere + ' ' + source.region.roi;
                pair.cell.target = target.header().subject;
                pair.cell.hemisphere = roi.hemisphere;
                pair.cell.roi_class = roi.roi_class;
                pair.cell.roi = roi.name;
                pair.cell.group = regions.group(source.region);
                pair.cell.within = std::find(source.subjects.begin(), source.subjects.end(), pair.cell.target) != source.subjects.end();
                pair.cell.left_out = tuned_among_scored(target, source);
                pair.untuned = reference.at(key);
                pair.tuned = output;
                plan.pairs.push_back(std::move(pair));
            }
        }
        if (!pass.targets.empty()) plan.passes.push_back(std::move(pass));
    }
    if (plan.pairs.empty()) throw BadInput("no network can be tried on any subject: " + join(plan.skipped, "; "), "cortune-info lists what each has");
    count_work(plan, in);
    return plan;
}

}  // namespace cortune::engine
