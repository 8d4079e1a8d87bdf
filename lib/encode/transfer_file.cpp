// SPDX-License-Identifier: BSD-3-Clause
#include "core/text.hpp"
#include "encode/transfer_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "h5/file.hpp"

namespace cortune::encode {
namespace {

struct CellText {
    const char *name, *long_name;
    std::string (*of)(const TransferCell&);
};
const CellText texts[] = {
    {"source", "subjects that tuned the network, and how", [](const TransferCell& c) { return c.source; }},
    {"model", "file of the network", [](const TransferCell& c) { return c.model; }},
    {"source_roi", "hemisphere and region that tuned it", [](const TransferCell& c) { return c.source_roi; }},
    {"target", "subject that it is tried on", [](const TransferCell& c) { return c.target; }},
    {"hemisphere", "hemisphere of the target", [](const TransferCell& c) { return c.hemisphere; }},
    {"roi_class", "ROI class of the target", [](const TransferCell& c) { return c.roi_class; }},
    {"roi", "region of the target", [](const TransferCell& c) { return c.roi; }},
    {"group", "early, higher or empty", [](const TransferCell& c) { return c.group; }},
};

struct CellCount {
    const char *name, *long_name;
    std::int64_t (*of)(const TransferCell&);
};
const CellCount cell_counts[] = {
    {"within", "1 where the target is among the source's subjects", [](const TransferCell& c) { return std::int64_t{c.within}; }},
    {"voxels", "voxels compared", [](const TransferCell& c) { return c.voxels; }},
    {"images", "images scored", [](const TransferCell& c) { return c.images; }},
    {"left_out", "images left out since they tuned the network", [](const TransferCell& c) { return c.left_out; }},
    {"optimistic", "1 where scored images tuned or selected something", [](const TransferCell& c) { return std::int64_t{c.optimistic}; }},
};

struct CellNumber {
    const char *name, *long_name;
    double TransferCell::*of;
};
const CellNumber numbers[] = {
    {"r_untuned", "mean over voxels of Pearson r, untuned network", &TransferCell::r_untuned},
    {"r", "the same, tuned network", &TransferCell::r},
    {"difference", "mean gain", &TransferCell::difference},
    {"difference_low", "2.5th percentile of the gain, bootstrap over images", &TransferCell::low},
    {"difference_high", "97.5th percentile of the gain, bootstrap over images", &TransferCell::high},
    {"p_value", "two-sided p of the gain, predictions exchanged image by image", &TransferCell::p},
    {"share_improved", "share of voxels with a higher r", &TransferCell::share_improved},
    {"share_p_value", "two-sided p of that share under the same exchanges", &TransferCell::share_p},
};

struct GroupNumber {
    const char *name, *long_name;
    double (*of)(const TransferGroup&);
};
const GroupNumber group_numbers[] = {
    {"rois", "regions of the target with a score", [](const TransferGroup& g) { return static_cast<double>(g.rois); }},
    {"share_improved", "mean over regions of the share of voxels with a higher r", [](const TransferGroup& g) { return g.test.share_improved; }},
    {"share_p_value", "two-sided p of that share, predictions exchanged image by image", [](const TransferGroup& g) { return g.test.share_p; }},
    {"gain", "mean over regions of the mean gain", [](const TransferGroup& g) { return g.test.gain; }},
    {"gain_low", "2.5th percentile of the same, bootstrap over images", [](const TransferGroup& g) { return g.test.low; }},
    {"gain_high", "97.5th percentile", [](const TransferGroup& g) { return g.test.high; }},
    {"gain_p_value", "two-sided p of the gain, predictions exchanged image by image", [](const TransferGroup& g) { return g.test.p; }},
    {"within", "1 where the target is among the source's subjects", [](const TransferGroup& g) { return static_cast<double>(g.within); }},
};

struct Side {
    const char *name, *text;
    GainTest TransferTarget::*of;
};
const Side sides[] = {{"own", "of networks that the target (co-)tuned", &TransferTarget::own},
                      {"others", "of networks that others tuned", &TransferTarget::others},
                      {"difference", "of own minus others, on the same draws", &TransferTarget::difference}};

struct TestNumber {
    const char *name, *text;
    double GainTest::*of;
};
const TestNumber test_numbers[] = {{"gain", "mean gain", &GainTest::gain},
                                   {"low", "2.5th percentile of it", &GainTest::low},
                                   {"high", "97.5th percentile of it", &GainTest::high},
                                   {"p_value", "two-sided p of it", &GainTest::p},
                                   {"share_improved", "share of voxels improved", &GainTest::share_improved},
                                   {"share_p_value", "two-sided p of that share", &GainTest::share_p}};

void write_targets(h5::Node& root, const std::vector<TransferTarget>& targets) {
    h5::Node node = root.create_group("targets");
    node.index_scale("target_row", targets.size(), {"target and group of regions"});
    std::vector<std::string> target, group;
    std::vector<std::int32_t> rois;
    for (const auto& t : targets) target.push_back(t.target), group.push_back(t.group), rois.push_back(static_cast<std::int32_t>(t.rois));
    node.put_strings("target", {"target_row"}, target, {"subject that networks are tried on"});
    node.put_strings("group", {"target_row"}, group, {"all, early or higher"});
    node.put("rois", {"target_row"}, rois, {"regions; where there are own and others' networks, those that both were tried on"});
    for (const auto& side : sides)
        for (const auto& n : test_numbers) {
            std::vector<double> values;
            for (const auto& t : targets) values.push_back(t.*side.of.*n.of);
            node.put(fmt::format("{}_{}", side.name, n.name), {"target_row"}, values, {fmt::format("{}, {}", n.text, side.text)});
        }
}

std::string cell_text(double value) { return number_text(value, "NA"); }

template <class T>
void add_once(std::vector<T>& to, const T& value) {
    if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

}  // namespace

TransferAxes axes_of(const std::vector<TransferGroup>& groups) {
    TransferAxes out;
    for (const auto& g : groups) {
        add_once(out.source, g.source);
        add_once(out.target, g.target);
    }
    return out;
}

std::vector<double> transfer_matrix(const std::vector<TransferGroup>& groups, const TransferAxes& axes, const std::string& group, double (*of)(const TransferGroup&)) {
    std::vector<double> out(axes.source.size() * axes.target.size(), std::numeric_limits<double>::quiet_NaN());
    for (const auto& g : groups) {
        if (g.group != group) continue;
        const auto s = std::find(axes.source.begin(), axes.source.end(), g.source) - axes.source.begin();
        const auto t = std::find(axes.target.begin(), axes.target.end(), g.target) - axes.target.begin();
        out[static_cast<std::size_t>(s) * axes.target.size() + static_cast<std::size_t>(t)] = of(g);
    }
    return out;
}

void write_transfer(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const std::vector<TransferCell>& cells,
                    const std::vector<TransferGroup>& groups, const std::vector<TransferTarget>& targets) {
    h5::Output file(path, "transfer", record, overwrite);
    h5::Node& root = file.root();
    root.attr("optimistic", std::any_of(cells.begin(), cells.end(), [](const auto& c) { return c.optimistic; }) ? 1 : 0);
    root.index_scale("row", cells.size(), {"network and region of a target"});
    h5::Node table = root.create_group("table");
    for (const auto& t : texts) {
        std::vector<std::string> values;
        for (const auto& c : cells) values.push_back(t.of(c));
        table.put_strings(t.name, {"row"}, values, {t.long_name});
    }
    for (const auto& n : cell_counts) {
        std::vector<std::int32_t> values;
        for (const auto& c : cells) values.push_back(static_cast<std::int32_t>(n.of(c)));
        table.put(n.name, {"row"}, values, {n.long_name});
    }
    for (const auto& n : numbers) {
        std::vector<double> values;
        for (const auto& c : cells) values.push_back(c.*n.of);
        table.put(n.name, {"row"}, values, {n.long_name});
    }
    const TransferAxes axes = axes_of(groups);
    root.scale("source", axes.source, {"subjects that tuned a network, and how"});
    root.scale("target", axes.target, {"subject that networks are tried on"});
    for (const char* group : region_sets) {
        h5::Node matrix = root.create_group(fmt::format("matrix/{}", group));
        for (const auto& n : group_numbers) matrix.put(n.name, {"source", "target"}, transfer_matrix(groups, axes, group, n.of), {n.long_name});
    }
    write_targets(root, targets);
    file.commit();
}

std::vector<TransferTarget> read_targets(const h5::Input& file) {
    const h5::Node node = file.root().group("targets");
    const auto target = node.dataset("target").read_strings(), group = node.dataset("group").read_strings();
    const auto rois = node.dataset("rois").read<std::int32_t>();
    const bool optimistic = file.root().attr_int("optimistic") != 0;
    if (group.size() != target.size() || rois.size() != target.size()) throw BadInput(node.where() + ": columns of other lengths");
    std::vector<TransferTarget> out;
    for (std::size_t i = 0; i < target.size(); ++i) {
        TransferTarget t;
        t.target = target[i], t.group = group[i], t.rois = rois[i], t.optimistic = optimistic;
        out.push_back(std::move(t));
    }
    for (const auto& side : sides)
        for (const auto& n : test_numbers) {
            const auto values = node.dataset(fmt::format("{}_{}", side.name, n.name)).read<double>();
            if (values.size() != out.size()) throw BadInput(node.where() + ": columns of other lengths");
            for (std::size_t i = 0; i < out.size(); ++i) out[i].*side.of.*n.of = values[i];
        }
    return out;
}

std::vector<TransferGroup> read_transfer(const h5::Input& file) {
    const h5::Node& root = file.root();
    const auto source = root.dataset("source").read_strings(), target = root.dataset("target").read_strings();
    const bool optimistic = root.attr_int("optimistic") != 0;
    std::vector<TransferGroup> out;
    for (const char* group : region_sets) {
        const h5::Node matrix = root.group(fmt::format("matrix/{}", group));
        const auto values = [&](const char* name) {
            const h5::Dataset data = matrix.dataset(name);
            if (data.shape() != h5::Shape{source.size(), target.size()}) throw BadInput(data.where() + ": expected one value a source and target");
            return data.read<double>();
        };
        const auto rois = values("rois"), within = values("within"), share = values("share_improved"), share_p = values("share_p_value"), gain = values("gain"),
                   low = values("gain_low"), high = values("gain_high"), p = values("gain_p_value");
        for (std::size_t i = 0; i < rois.size(); ++i) {
            if (std::isnan(rois[i])) continue;
            out.push_back({source[i / target.size()], target[i % target.size()], group, within[i] != 0, static_cast<std::int64_t>(rois[i]),
                           {gain[i], low[i], high[i], p[i], share[i], share_p[i]}, optimistic});
        }
    }
    return out;
}

std::string transfer_tsv(const std::vector<TransferCell>& cells, const std::vector<TransferGroup>& groups) {
    std::string out = "level";
    for (const auto& t : texts) out += fmt::format("\t{}", t.name);
    for (const auto& n : cell_counts) out += fmt::format("\t{}", n.name);
    for (const auto& n : numbers) out += fmt::format("\t{}", n.name);
    out += '\n';
    for (const auto& c : cells) {
        out += "region";
        for (const auto& t : texts) out += '\t' + (t.of(c).empty() ? "NA" : t.of(c));
        for (const auto& n : cell_counts) out += fmt::format("\t{}", n.of(c));
        for (const auto& n : numbers) out += '\t' + cell_text(c.*n.of);
        out += '\n';
    }
    for (const auto& g : groups)
        out += fmt::format("group\t{}\tNA\tNA\t{}\tNA\tNA\t{}\t{}\t{}\tNA\tNA\tNA\t{}\tNA\tNA\t{}\t{}\t{}\t{}\t{}\t{}\n", g.source, g.target,
                           g.rois == 1 ? "1 region" : fmt::format("{} regions", g.rois), g.group, g.within ? 1 : 0, g.optimistic ? 1 : 0, cell_text(g.test.gain), cell_text(g.test.low),
                           cell_text(g.test.high), cell_text(g.test.p), cell_text(g.test.share_improved), cell_text(g.test.share_p));
    return out;
}

}  // namespace cortune::encode
