// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/algonauts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/folder.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets {
namespace {

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

// The number after `prefix` if digits follow it.
std::optional<int> number_after(const std::string& text, std::string_view prefix) {
    const auto at = text.find(prefix);
    if (at == std::string::npos) return {};
    const std::string rest = text.substr(at + prefix.size());
    const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0 || digits > 9) return {};
    return std::stoi(rest.substr(0, digits));
}

// The 1 of subj01 or Subj1; a name that goes on behind the digits is not of this form.
std::optional<int> subject_of(const fs::path& folder) {
    const std::string name = lower(folder.filename().string());
    if (!name.starts_with("subj") || name.find_first_not_of("0123456789", 4) != std::string::npos) return {};
    return number_after(name, "subj");
}

// The folder of this subject below `parent`, or an empty path.
fs::path subject_folder(const fs::path& parent, int subject) {
    fs::path found;
    for (const fs::path& entry : entries_of(parent)) {
        std::error_code error;
        if (subject_of(entry) != subject || !fs::is_directory(entry, error)) continue;
        if (!found.empty())
            throw BadInput(fmt::format("{}: {} and {} are both folders of subject {}", parent.string(),
                                       found.filename().string(), entry.filename().string(), subject),
                           "move the one that is not meant elsewhere");
        found = entry;
    }
    return found;
}

AlgonautsTree nested(const fs::path& folder) {
    const fs::path test = folder / "test_split";
    folder_or_nothing(test);  // a file of this name is not an absent test split
    return {folder / "training_split" / "training_images",
            folder / "training_split" / "training_fmri",
            folder_or_nothing(test / "test_images"),
            folder_or_nothing(test / "test_fmri"),
            folder_or_nothing(test / "noise_ceiling"),
            folder / "roi_masks"};
}

AlgonautsTree flat(const fs::path& root, int subject) {
    auto of = [&](const char* part) { return subject_folder(root / part, subject); };
    return {of("training_images"), of("training_fmri"), of("test_images"),
            of("test_fmri"),       of("noise_ceiling"), of("roi_masks")};
}

// "lh_training_fmri.npy", in the flat layout "subj1_lh_training_fmri.npy".
fs::path response_file(const fs::path& folder, const std::string& ending) {
    fs::path found;
    for (const fs::path& entry : entries_of(folder)) {
        const std::string name = lower(entry.filename().string());
        if (name == ending) return entry;
        if (!name.starts_with("subj") || !name.ends_with('_' + ending)) continue;
        if (!found.empty())
            throw BadInput(fmt::format("{}: expected one {}, found {} and {}", folder.string(), ending,
                                       found.filename().string(), entry.filename().string()));
        found = entry;
    }
    if (found.empty()) throw BadInput(fmt::format("{}: {} is missing", folder.string(), ending), "a subject has one of each hemisphere; unpack its archive anew");
    return found;
}

ResponsePart open_part(const fs::path& folder, const std::string& ending, const images::Source& pictures) {
    const fs::path path = response_file(folder, ending);
    auto file = std::make_shared<NpyFile>(path);
    const auto& shape = file->shape();
    if (shape.size() != 2 || shape[0] != pictures.names().size())
        throw BadInput(fmt::format("{}: expected ({}, vertices), a row for every picture of {}; found {}",
                                   path.string(), pictures.names().size(), pictures.path().string(),
                                   shape_text(shape)),
                       shape.size() == 2 && shape[1] == pictures.names().size() ? "it is transposed: numpy.save(…, numpy.ascontiguousarray(responses.T))"
                                                                                : "are all pictures unpacked, and is it this subject's?");
    return {std::make_shared<NpyRows>(std::move(file), false)};
}

void add_images(Plan& plan, const std::shared_ptr<const images::Source>& source, bool official_test) {
    for (std::size_t i = 0; i < source->names().size(); ++i) {
        const auto id = number_after(source->names()[i], "nsd-");
        if (!id)
            throw BadInput(fmt::format("{}: expected a name like train-0001_nsd-00013.png", source->where(i)));
        plan.images.push_back({source, i, fmt::format("nsd:{:05}", *id), official_test});
    }
}

// The names are numbered from 1 (train-0001, …): a gap means that a picture was lost, and
// that every row after it may belong to another one.
void look_for_gaps(Plan& plan, const images::Source& source, const std::string& prefix) {
    std::uint64_t highest = 0, numbered = 0;
    for (const auto& name : source.names())
        if (const auto number = number_after(name, prefix)) highest = std::max<std::uint64_t>(highest, *number), ++numbered;
    if (numbered == 0) return;
    const std::uint64_t missing = highest > numbered ? highest - numbered : 0;
    plan.findings.push_back({"missing_pictures", source.path().string(), static_cast<double>(missing), missing > 0,
                             fmt::format("{} pictures, numbered to {}{}", numbered, highest, missing > 0 ? ": some are missing" : "")});
}

void add_ceiling(const fs::path& folder, PlannedHemisphere& h, Plan& plan) {
    const fs::path path = response_file(folder, h.about.name + "_noise_ceiling.npy");
    const NpyFile file(path);
    const std::uint64_t vertices = h.about.vertex.size();
    if (file.shape() != std::vector<std::uint64_t>{vertices})
        throw BadInput(fmt::format("{}: expected ({},), one value per column of the responses; found {}",
                                   path.string(), vertices, shape_text(file.shape())), "is it this subject's? --ceiling none goes without");
    h.about.noise_ceiling = file.floats();
    h.about.ceiling_mode = "file";
    check_noise_ceiling(h.about.noise_ceiling, path.string());
    plan.files.push_back(path);
}

}  // namespace

AlgonautsTree find_algonauts(const fs::path& root, int subject) {
    std::error_code error;
    if (!fs::is_directory(root, error)) throw BadInput(root.string() + ": no such folder");
    AlgonautsTree out;
    if (fs::is_directory(root / "training_split", error)) {
        const fs::path named = root.filename().empty() ? root.parent_path() : root;
        const auto number = subject_of(fs::absolute(named, error));
        if (number && *number != subject)
            throw BadInput(fmt::format("{}: is the folder of subject {}, asked for is subject {}", root.string(),
                                       *number, subject), fmt::format("give the folder of subject {}, or --subject {}", subject, *number));
        out = nested(root);
    } else if (const fs::path folder = subject_folder(root, subject);
               !folder.empty() && fs::is_directory(folder / "training_split", error)) {
        out = nested(folder);
    } else if (!subject_folder(root / "training_fmri", subject).empty()) {
        out = flat(root, subject);
    } else {
        throw BadInput(fmt::format("{}: holds no subject {}; looked for training_split, subj{:02}/training_split "
                                   "and training_fmri/Subj{}", root.string(), subject, subject, subject),
                       "give the folder of the unpacked Algonauts 2023 data");
    }
    for (const auto& [part, name] : {std::pair{out.training_images, "training_images"},
                                     {out.training_fmri, "training_fmri"}, {out.roi_masks, "roi_masks"}})
        if (!fs::is_directory(part, error))
            throw BadInput(fmt::format("{}: the folder {} of subject {} is missing", root.string(), name, subject));
    return out;
}

Plan algonauts_plan(const fs::path& root, int subject, const std::string& ceiling, Reporter& reporter) {
    const AlgonautsTree tree = find_algonauts(root, subject);
    if (ceiling == "file" && tree.noise_ceiling.empty())
        throw BadInput(fmt::format("{}: subject {} has no test_split/noise_ceiling", root.string(), subject), "leave --ceiling out: there is none");
    Plan plan;
    plan.header.subject = fmt::format("subj{:02}", subject);
    plan.header.layout = "algonauts";
    plan.header.image_namespace = "nsd";
    const auto training = images::open_source(tree.training_images);
    if (const auto text = images::left_out_text(*training); !text.empty()) reporter.warn(text);
    std::shared_ptr<const images::Source> test;
    if (!tree.test_fmri.empty()) {
        if (tree.test_images.empty())
            throw BadInput(tree.test_fmri.string() + ": test responses without a folder of test images", "unpack test_split/test_images, too");
        test = images::open_source(tree.test_images);
    } else if (!tree.test_images.empty()) {
        reporter.detail(tree.test_images.string() + ": no responses to these images; they are left out");
    }
    add_images(plan, training, false);
    look_for_gaps(plan, *training, "train-");
    if (test) {
        add_images(plan, test, true);
        look_for_gaps(plan, *test, "test-");
    }
    for (const std::string name : {"lh", "rh"}) {
        PlannedHemisphere h;
        h.parts.push_back(open_part(tree.training_fmri, name + "_training_fmri.npy", *training));
        if (test) h.parts.push_back(open_part(tree.test_fmri, name + "_test_fmri.npy", *test));
        const std::uint64_t vertices = h.parts[0].units();
        for (const ResponsePart& part : h.parts) {
            if (part.units() != vertices)
                throw BadInput(fmt::format("{}: expected {} vertices, as in the training responses, found {}",
                                           part.rows->where(0), vertices, part.units()), "are both this subject's, and of this hemisphere?");
            plan.files.emplace_back(part.rows->where(0));
        }
        h.about = read_algonauts_masks(tree.roi_masks, name, vertices, plan.files);
        if (!tree.noise_ceiling.empty() && ceiling != "none") add_ceiling(tree.noise_ceiling, h, plan);
        plan.hemispheres.push_back(std::move(h));
    }
    plan.findings.push_back(compare_classes(plan.hemispheres[0].about, plan.hemispheres[1].about));
    return plan;
}

}  // namespace cortune::datasets
