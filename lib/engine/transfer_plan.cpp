// SPDX-License-Identifier: BSD-3-Clause
#include "engine/transfer_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/dataset.hpp"
#include "encode/encoding_file.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {
namespace {

using datasets::DatasetFile;

struct Source {
    std::string path, uuid, name, hemisphere, backbone, start_sha256;
    std::int64_t image_size;
    encode::Region region;
    std::vector<std::string> subjects, dataset_uuids, image, sha256;
};

// What a model file says of itself, without its parameters.
Source read_source(const h5::Input& file) {
    const h5::Node& root = file.root();
    const std::string method = root.attr_string("method");
    if (method == "untuned") throw BadInput(file.path().string() + ": is not tuned", "--untuned names the network that all are compared with");
    Source out;
    out.path = file.path().string();
    out.uuid = file.uuid();
    out.hemisphere = root.attr_string("hemisphere");
    out.backbone = root.attr_string("backbone");
    if (root.has_attr("start_sha256")) out.start_sha256 = root.attr_string("start_sha256");
    out.image_size = root.attr_int("image_size");
    out.region = {root.attr_string("roi_class"), root.attr_string("roi")};
    out.subjects = root.attr_strings("subjects");
    out.dataset_uuids = root.attr_strings("dataset_uuids");
    out.image = root.dataset("tuned/image").read_strings();
    out.sha256 = root.dataset("tuned/sha256").read_strings();
    auto names = out.subjects;
    std::sort(names.begin(), names.end());
    out.name = join(names, "+") + ' ' + method;
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
            const auto same = std::find_if(out.sources.begin(), out.sources.end(), [&](const Source& s) { return s.uuid == file.uuid(); });
            if (same + 1 != out.sources.end()) throw BadInput(fmt::format("{}: is the same network as {}", path, same->path), "each network once");
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

// Images of the target's test split that tuned the source, and all of it.
std::pair<std::int64_t, std::int64_t> tuned_among_scored(const DatasetFile& target, const Source& source) {
    std::vector<std::string> ids, sha256;
    for (const auto row : target.rows(datasets::Split::test)) {
        ids.push_back(target.images().id[static_cast<std::size_t>(row)]);
        sha256.push_back(target.images().sha256[static_cast<std::size_t>(row)]);
    }
    return {encode::count_tuned(ids, sha256, source.image, source.sha256), static_cast<std::int64_t>(ids.size())};
}

// Else the difference is that of two networks before any tuning.
void check_reference(const std::filesystem::path& untuned, const std::vector<Source>& sources, std::vector<std::string>& doubtful) {
    h5::Record unused;
    const weights::Model reference = weights::load_weights(untuned, unused);
    if (reference.tuned()) throw BadInput(untuned.string() + ": is tuned", "--untuned names the network that tuning began with");
    const std::string sha256 = weights::parameters_sha256(reference.parameters);
    for (const Source& s : sources) {
        const std::string mend = "--untuned names the network that tuning began with; networks of another beginning are a matter of their own";
        if (s.backbone != reference.backbone) throw BadInput(fmt::format("{}: is a {}, {} a {}", s.path, s.backbone, untuned.string(), reference.backbone), mend);
        if (s.start_sha256.empty()) doubtful.push_back(fmt::format("{}: does not say which network its tuning began with", s.path));
        else if (s.start_sha256 != sha256) throw BadInput(fmt::format("{}: its tuning began with another network than {}", s.path, untuned.string()), mend);
    }
}

constexpr std::int64_t least_scored = 3;  // of which a correlation says anything

// Whether enough images are left to score; says so where not, and what is doubtful.
bool enough_images(const DatasetFile& target, const Source& source, std::int64_t left_out, std::int64_t test, TransferPlan& plan) {
    const std::string pair = fmt::format("{} on {}", source.path, target.header().subject);
    if (test - left_out < least_scored) {
        plan.skipped.push_back(fmt::format("{}: {} of its {} test images tuned the network", pair, left_out, test));
        return false;
    }
    if (test - left_out < static_cast<std::int64_t>(encode::few_images))
        plan.doubtful.push_back(fmt::format("{}: {} images are scored, interval and p mean little", pair, test - left_out));
    const auto named = std::find(source.subjects.begin(), source.subjects.end(), target.header().subject);
    const bool known = std::find(source.dataset_uuids.begin(), source.dataset_uuids.end(), target.input().uuid()) != source.dataset_uuids.end();
    if (named != source.subjects.end() && !known)
        plan.doubtful.push_back(fmt::format("{}: taken for a subject that tuned it, by its name; its data set is another file", pair));
    return true;
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

// The untuned network's encodings, by target and region.
struct References {
    std::filesystem::path folder;
    std::map<std::string, std::filesystem::path> known;
};

// Predictions, responses and every layer's r and penalty, as in an encoding file.
std::uint64_t encoding_bytes(std::size_t voxels, std::int64_t images) {
    constexpr std::uint64_t layers = 10;
    return voxels * (8 * static_cast<std::uint64_t>(images) + 12 * layers);
}

// All regions of a target in which one network is tried.
void add_pairs(TransferPlan& plan, EncodePass& pass, const Source& source, std::size_t s, const DatasetFile& target, std::size_t t, References& reference,
               const encode::Regions& regions, int min_voxels) {
    if (target.header().image_size != source.image_size)
        throw BadInput(fmt::format("{}: has images of {} px, {} takes {}", target.where(), target.header().image_size, source.path, source.image_size),
                       fmt::format("nsd-extract --size {}", source.image_size));
    auto found = regions_in(target, source, regions);
    std::erase_if(found, [&](const auto& roi) { return static_cast<int>(roi.column.size()) < min_voxels; });
    if (found.empty()) {
        plan.skipped.push_back(fmt::format("{} on {}: no {} {} of {} voxels", source.path, target.header().subject, source.hemisphere, source.region.roi, min_voxels));
        return;
    }
    const auto [left_out, test] = tuned_among_scored(target, source);
    if (!enough_images(target, source, left_out, test, plan)) return;
    for (const auto& roi : found) {
        const std::string key = fmt::format("{} {} {} {}", t, roi.hemisphere, roi.roi_class, roi.name);
        const RoiChoice choice{roi.hemisphere, roi.roi_class == "all" ? "" : roi.roi_class, roi.name};
        const auto place = reference.folder / fmt::format("untuned.{}.h5", reference.known.size());
        if (reference.known.try_emplace(key, place).second) {
            plan.passes[0].targets.push_back({target.where(), choice, place});
            plan.encoding_bytes += encoding_bytes(roi.column.size(), test);
        }
        const auto output = reference.folder / fmt::format("{}.{}.{}.h5", s, t, pass.targets.size());
        pass.targets.push_back({target.where(), choice, output});
        plan.encoding_bytes += encoding_bytes(roi.column.size(), test - left_out);
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
        pair.cell.left_out = left_out;
        pair.untuned = reference.known.at(key);
        pair.tuned = output;
        plan.pairs.push_back(std::move(pair));
    }
}

}  // namespace

TransferPlan plan_transfer(const std::vector<std::string>& files, const std::filesystem::path& untuned, const encode::Regions& regions, int min_voxels,
                           const std::filesystem::path& folder) {
    const Inputs in = open_inputs(files);
    TransferPlan plan;
    plan.passes.push_back({untuned, {}});
    check_reference(untuned, in.sources, plan.doubtful);
    References reference{folder, {}};
    for (std::size_t s = 0; s < in.sources.size(); ++s) {
        EncodePass pass{in.sources[s].path, {}};
        for (std::size_t t = 0; t < in.targets.size(); ++t) add_pairs(plan, pass, in.sources[s], s, *in.targets[t], t, reference, regions, min_voxels);
        if (!pass.targets.empty()) plan.passes.push_back(std::move(pass));
    }
    if (plan.pairs.empty()) throw BadInput("no network can be tried on any subject: " + join(plan.skipped, "; "), "cortune-info lists what each has");
    count_work(plan, in);
    return plan;
}

}  // namespace cortune::engine
