// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/extract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <stdexcept>
#include <unordered_map>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/interrupt.hpp"
#include "core/output_file.hpp"
#include "core/parallel.hpp"
#include "core/text.hpp"
#include "datasets/extract_responses.hpp"
#include "datasets/text_list.hpp"
#include "h5/lock.hpp"
#include "images/image.hpp"
#include "images/versions.hpp"

namespace cortune::datasets {
namespace {

void check_ids(const std::vector<PlannedImage>& images) {
    std::unordered_map<std::string, std::size_t> first;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto [seen, added] = first.emplace(images[i].id, i);
        if (!added)
            throw BadInput(fmt::format("the id '{}' is that of two pictures: {} and {}", images[i].id,
                                       images[seen->second].where(), images[i].where()),
                           "give every session a namespace of its own, and no picture two names that "
                           "differ in the ending alone");
    }
}

// A plan that does not fit together is the fault of the layout that made it.
void check_parts(const Plan& plan) {
    for (const PlannedHemisphere& h : plan.hemispheres) {
        std::uint64_t images = 0;
        for (const ResponsePart& part : h.parts) {
            images += part.images();
            if (part.units() != h.about.vertex.size()) throw std::logic_error("extract: a part of another width");
        }
        if (images != plan.images.size()) throw std::logic_error("extract: parts of another length");
    }
}

// What a list may call an image: its id, its file's name, or the id without namespace.
std::vector<std::string> names_of(const PlannedImage& image) {
    return {image.id, image.source->names()[image.index], image.id.substr(image.id.find(':') + 1)};
}

// One list may serve several subjects, so it may name images that this one has not seen.
void report_unused(const std::filesystem::path& list, std::vector<std::string> unused, std::size_t lines,
                   Reporter& reporter) {
    constexpr std::size_t shown = 5;
    if (unused.empty()) return;
    const std::size_t count = unused.size();
    if (count > shown) unused.resize(shown), unused.emplace_back("…");
    reporter.warn(fmt::format("{}: {} of {} names are no image of this data set: {}", list.string(), count, lines,
                              join(unused)));
}

// The listed images test and all others train.
void listed_split(const Plan& plan, const ExtractOptions& options, std::vector<Split>& split,
                  Reporter& reporter) {
    const auto lines = read_list(options.test_list);
    std::unordered_map<std::string, bool> used;  // name → whether it is that of an image
    for (const ListLine& line : lines) used.emplace(line.text, false);
    for (std::size_t i = 0; i < split.size(); ++i) {
        bool hit = false;
        for (const std::string& name : names_of(plan.images[i]))
            if (const auto at = used.find(name); at != used.end()) hit = at->second = true;
        if (!plan.images[i].official_test) split[i] = hit ? Split::test : Split::train;
    }
    std::vector<std::string> unused;
    for (const ListLine& line : lines)
        if (bool& known = used.at(line.text); !known) unused.push_back(line.text), known = true;
    if (unused.size() == used.size())
        throw BadInput(fmt::format("{}: none of its {} names is the id or name of an image",
                                   options.test_list.string(), used.size()),
                       fmt::format("an id looks like {}", plan.images[0].id));
    report_unused(options.test_list, std::move(unused), used.size(), reporter);
}

std::vector<Split> make_split(const Plan& plan, const ExtractOptions& options, Reporter& reporter) {
    std::vector<Split> out;
    for (const PlannedImage& image : plan.images)
        out.push_back(image.official_test ? Split::official_test
                                          : split_of(image.id, options.split_seed, options.test_share));
    if (!options.test_list.empty()) listed_split(plan, options, out, reporter);
    const auto train = std::count(out.begin(), out.end(), Split::train);
    const auto test = std::count(out.begin(), out.end(), Split::test);
    reporter.info(fmt::format("{} images: {} train, {} test, {} official test", out.size(), train, test,
                              static_cast<std::ptrdiff_t>(out.size()) - train - test));
    if (train == 0 || test == 0)
        reporter.warn(fmt::format("the split leaves no {} images", train == 0 ? "training" : "test"));
    return out;
}

void register_inputs(const Plan& plan, const ExtractOptions& options, h5::Record& record, Reporter& reporter) {
    auto files = plan.files;
    if (!options.test_list.empty()) files.push_back(options.test_list);
    std::vector<std::string> hashes(files.size());
    parallel_for(files.size(), options.threads, [&](std::size_t i) {
        check_interrupt();
        hashes[i] = sha256_file(files[i]);
    });
    for (std::size_t i = 0; i < files.size(); ++i) record.add_input(files[i], hashes[i]);
    std::set<const images::Source*> done;
    for (const PlannedImage& image : plan.images) {
        if (!done.insert(image.source.get()).second) continue;
        reporter.detail("hashing " + image.source->path().string());
        record.add_input(image.source->path(), source_sha256(*image.source, options.threads));
    }
}

struct Picture {
    std::string sha256;
    images::Image resized;
    std::vector<float> features;  // checks.hpp
};

struct Seen {
    std::vector<std::string> sha256;  // of the source pixels
    std::vector<float> features;      // images × picture_features
};

Seen copy_pictures(const Plan& plan, const ExtractOptions& options, DatasetWriter& writer,
                                       Reporter& reporter) {
    auto make = [&](std::size_t i) {
        const PlannedImage& image = plan.images[i];
        const images::Image full = image.source->picture(image.index);
        Picture out{images::pixel_sha256(full), images::resize_bilinear(full, options.image_size, options.image_size), {}};
        out.features = simple_features(out.resized);
        return out;
    };
    Seen seen;
    seen.features.reserve(plan.images.size() * picture_features);
    const auto total = static_cast<std::int64_t>(plan.images.size());
    const auto window = static_cast<std::size_t>(4 * std::max(options.threads, 1));
    ordered_pipeline(plan.images.size(), options.threads, window, make, [&](std::size_t i, Picture picture) {
        {
            const h5::LibraryLock lock;  // pictures may come out of an HDF5 file
            writer.write_pixels(i, 1, picture.resized.rgb.data());
        }
        seen.sha256.push_back(std::move(picture.sha256));
        seen.features.insert(seen.features.end(), picture.features.begin(), picture.features.end());
        reporter.progress("pictures", static_cast<std::int64_t>(i) + 1, total);
    });
    return seen;
}

Finding find_twins(const Plan& plan, const std::vector<std::string>& hashes) {
    constexpr std::size_t shown = 10;
    std::unordered_map<std::string, std::size_t> first;
    std::vector<std::string> twins;
    for (std::size_t i = 0; i < hashes.size(); ++i)
        if (const auto [seen, added] = first.emplace(hashes[i], i); !added)
            twins.push_back(fmt::format("{} = {}", plan.images[i].id, plan.images[seen->second].id));
    const std::size_t count = twins.size();
    if (count > shown) twins.resize(shown), twins.emplace_back("…");
    return {"duplicate_pictures", "", static_cast<double>(count), count > 0,
            fmt::format("{} pictures equal another one pixel by pixel{}{}", count, count > 0 ? ": " : "", join(twins))};
}

// Everything that was noticed, as it goes into the file; warnings are said, or end the run.
std::vector<Finding> judge(const Plan& plan, const ExtractOptions& options, std::vector<Finding> findings, const Seen& seen,
                           Reporter& reporter) {
    constexpr std::size_t most = 120;  // columns a hemisphere
    findings.insert(findings.begin(), plan.findings.begin(), plan.findings.end());
    findings.push_back(find_twins(plan, seen.sha256));
    for (auto& f : alignment_findings(seen.features, plan.images.size(), early_responses(plan, most))) findings.push_back(std::move(f));
    std::vector<std::string> wrong;
    for (const auto& f : findings) {
        if (f.warning) wrong.push_back(fmt::format("{}{}{}: {}", f.check, f.where.empty() ? "" : " ", f.where, f.text));
        else reporter.info(fmt::format("check {}{}{}: {}", f.check, f.where.empty() ? "" : " ", f.where, f.text));
    }
    if (options.strict && !wrong.empty())
        throw BadInput(fmt::format("{}", join(wrong, "; ")), "without --check=strict these are warnings");
    for (const auto& text : wrong) reporter.warn("check " + text);
    return findings;
}

}  // namespace

std::vector<Split> plan_split(const Plan& plan, const ExtractOptions& options, Reporter& reporter) {
    check_ids(plan.images);
    check_parts(plan);
    return make_split(plan, options, reporter);
}

void extract(Plan plan, const ExtractOptions& options, h5::Record record, const std::filesystem::path& output,
             Reporter& reporter) {
    h5::check_target(output, options.overwrite, "dataset");
    auto inputs = plan.files;
    inputs.push_back(options.test_list);
    check_distinct({{"-o", output}}, inputs);
    const auto split = plan_split(plan, options, reporter);
    const auto scratch = options.scratch.empty() ? std::filesystem::absolute(output).parent_path() : options.scratch;
    for (const PlannedHemisphere& h : plan.hemispheres)
        for (const ResponsePart& part : h.parts) part.rows->prepare(scratch, reporter, plan.findings);
    add_ceilings(plan);
    ImageTable table;
    for (const PlannedImage& image : plan.images) {
        table.id.push_back(image.id);
        table.repeats.push_back(image.repeats);
    }
    if (std::all_of(table.repeats.begin(), table.repeats.end(), [](auto n) { return n == 1; })) table.repeats.clear();
    table.run = runs_of(plan.hemispheres.at(0).parts);
    table.split = split;
    std::vector<Hemisphere> hemispheres;
    for (const PlannedHemisphere& h : plan.hemispheres) hemispheres.push_back(h.about);
    DatasetHeader header = plan.header;
    header.image_size = options.image_size;
    header.split_seed = options.split_seed;
    header.test_share = options.test_share;
    if (!options.test_list.empty()) header.split_rule = "list";
    register_inputs(plan, options, record, reporter);
    for (const auto& [name, version] : images::library_versions()) record.libraries[name] = version;

    DatasetWriter writer(output, record, options.overwrite, header, table, hemispheres);
    auto findings = copy_responses(plan, options, table.split, writer, reporter);
    const Seen seen = copy_pictures(plan, options, writer, reporter);
    writer.write_sha256(seen.sha256);
    writer.write_findings(judge(plan, options, std::move(findings), seen, reporter));
    writer.commit();
}

}  // namespace cortune::datasets
