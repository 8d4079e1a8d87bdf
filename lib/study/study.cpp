// SPDX-License-Identifier: BSD-3-Clause
#include "study/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/dataset.hpp"
#include "study/table.hpp"

namespace cortune::study {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr int least_voxels = 20;  // cl-finetune's and ridge-encode's, where the table says nothing

// One after the other, with what each adds to the study.
class Expansion {
  public:
    Expansion(Study& study, const Table& table) : s_(study), table_(table) {}
    void run();

  private:
    Step& add(const std::string& stage, const std::string& id, Words command, const fs::path& output, const Words& after);
    void data();
    void weights();
    void networks();
    void tune(const Study::Method& method, const Study::Region& region, std::int64_t seed, const Words& subjects);
    void encode(const std::string& method, const std::string& subject, const Study::Region& region, std::int64_t seed, const std::string& tuned, const fs::path& model);
    void evaluate(std::int64_t seed);
    void compare(const Study::Comparison& of, std::int64_t seed);
    void evaluate(const std::string& name, const std::vector<std::pair<std::string, std::int64_t>>& models, std::int64_t seed, const fs::path& output);
    void report();
    void transfer(const std::string& method, std::int64_t seed);
    bool has(const std::string& subject, const Study::Region& region, const Study::Method& method);
    int fewest_voxels(const Study::Method& method) const;
    const datasets::DatasetFile* data_of(const std::string& subject);
    Words after_data(const std::string& subject) const { return {"extract/" + subject}; }

    Study& s_;
    const Table& table_;
    Words weights_;                      // --weights FILE, or nothing
    std::string weights_step_;
    // ids and files of what later steps read, by method (and seed).
    std::map<std::pair<std::string, std::int64_t>, std::vector<std::pair<std::string, fs::path>>> models_, encodings_;
    Words reported_;                     // ids of what the report reads
    std::map<std::string, std::vector<datasets::DatasetFile>> open_;
    std::map<std::string, std::size_t> absent_;                             // of a region: how often a subject lacks it
    std::map<std::string, std::pair<std::string, std::string>> missing_;    // what was said of that, and the mend
};

// As a name of a file and of a target of make.
std::string plain(const std::string& name) {
    std::string out = name;
    for (char& c : out)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '+') c = '_';
    return out;
}

void append(Words& to, const Words& more) { to.insert(to.end(), more.begin(), more.end()); }

Step& Expansion::add(const std::string& stage, const std::string& id, Words command, const fs::path& output, const Words& after) {
    for (const auto& other : s_.steps)
        if (other.id == id || other.output == output) throw BadInput(fmt::format("{}: two steps would be {}", s_.file.string(), id), "names of regions, methods and seeds are there once each");
    Step step;
    step.stage = stage;
    step.id = id;
    step.command = std::move(command);
    step.after = after;
    step.output = output;
    step.housekeeping = {"--overwrite"};
    s_.steps.push_back(std::move(step));
    return s_.steps.back();
}

void Expansion::data() {
    const Table data = table_.table("data", {"layout", "root", "options", "simulate"});
    const std::string layout = data.text("layout");
    fs::path root = data.has("root") ? fs::path(data.text("root")) : s_.output / "simulated";
    if (!data.has("root") && !data.has("simulate")) data.at("root");
    Words after;
    if (data.has("simulate")) {
        Words command{"nsd-simulate", "--layout", layout, "--subjects", std::to_string(s_.subjects.size())};
        append(command, data.options("simulate"));
        append(command, {"-o", root.string()});
        add("simulate", "simulate", command, root / "simulation.json", {});
        after = {"simulate"};
    }
    const auto numbers = table_.numbers("subjects");
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const fs::path output = s_.dataset(s_.subjects[i]);
        Words command{"nsd-extract", layout, root.string(), "--subject", std::to_string(numbers[i])};
        append(command, data.options("options"));
        append(command, {"-o", output.string()});
        add("extract", "extract/" + s_.subjects[i], command, output, after);
    }
}

void Expansion::weights() {
    if (!table_.has("weights")) return;
    const fs::path output = s_.output / "weights.h5";
    add("weights", "weights", {"model-convert", table_.text("weights"), "-o", output.string()}, output, {}).reads = {table_.text("weights")};
    weights_ = {"--weights", output.string()};
    weights_step_ = "weights";
}

int Expansion::fewest_voxels(const Study::Method& method) const {
    const char* key = "min-voxels";
    const auto least = [&](const Table& options) { return static_cast<int>(options.numbers(key).at(0)); };
    if (const Table own = table_.table("methods", {}).table(method.name, {}); own.has(key)) return least(own);
    if (!table_.has("tune")) return least_voxels;
    const Table all = table_.table("tune", {});
    return all.has(key) ? least(all) : least_voxels;
}

// Of the extracted data; nothing where they are not there, or not whole: then extraction comes again.
const datasets::DatasetFile* Expansion::data_of(const std::string& subject) {
    std::error_code ignored;
    const fs::path file = s_.folder / s_.dataset(subject);
    auto& open = open_[subject];
    if (open.empty() && fs::exists(file, ignored)) try {
            open.emplace_back(file);
        } catch (const BadInput&) {
            return nullptr;
        }
    return open.empty() ? nullptr : &open[0];
}

// What is not extracted yet is taken to have everything.
bool Expansion::has(const std::string& subject, const Study::Region& region, const Study::Method& method) {
    const auto* data = data_of(subject);
    if (!data) return true;
    std::string why;
    try {
        const auto found = data->roi(region.hemisphere, "", region.roi).column.size();
        if (static_cast<int>(found) >= fewest_voxels(method)) return true;
        why = fmt::format("{} voxels", found);
    } catch (const BadInput& e) {
        if (!missing_.contains(region.hemisphere + ' ' + region.roi)) missing_[region.hemisphere + ' ' + region.roi] = {e.what(), e.hint()};
        ++absent_[region.hemisphere + ' ' + region.roi];
        why = "not there";
    }
    const std::string text = fmt::format("{} {} {}: {}", subject, region.hemisphere, region.roi, why);
    if (std::find(s_.left_out.begin(), s_.left_out.end(), text) == s_.left_out.end()) s_.left_out.push_back(text);
    return false;
}

void Expansion::tune(const Study::Method& method, const Study::Region& region, std::int64_t seed, const Words& subjects) {
    const std::string whose = method.pooled ? "pooled" : subjects[0];
    const std::string id = fmt::format("tune/{}/{}/{}.{}.s{}", method.name, whose, region.hemisphere, plain(region.roi), seed);
    const fs::path output = s_.output / "models" / method.name / whose / fmt::format("{}.{}.s{}.h5", region.hemisphere, plain(region.roi), seed);
    Words command{"cl-finetune"}, after;
    for (const auto& subject : subjects) command.push_back(s_.dataset(subject).string()), append(after, after_data(subject));
    append(command, weights_);
    if (!weights_step_.empty()) after.push_back(weights_step_);
    append(command, {"--hemi", region.hemisphere, "--roi", region.roi, "--seed", std::to_string(seed)});
    append(command, table_.options("tune"));
    append(command, table_.table("methods", {}).options(method.name));
    append(command, {"-o", output.string()});
    Step& step = add("tune", id, command, output, after);
    step.checkpoint = s_.output / "checkpoints" / (plain(id) + ".ckpt");
    append(step.housekeeping, {"--checkpoint", step.checkpoint.string(), "--resume"});
    models_[{method.name, seed}].emplace_back(id, output);
    for (const auto& subject : subjects) encode(method.name, subject, region, seed, id, output);
}

void Expansion::encode(const std::string& method, const std::string& subject, const Study::Region& region, std::int64_t seed, const std::string& tuned, const fs::path& model) {
    const std::string name = fmt::format("{}/{}/{}.{}.s{}", method, subject, region.hemisphere, plain(region.roi), seed);
    const fs::path output = s_.output / "encodings" / (name + ".h5");
    Words command{"ridge-encode", s_.dataset(subject).string(), model.string()}, after = after_data(subject);
    append(command, table_.options("encode"));
    append(command, {"-o", output.string()});
    after.push_back(tuned);
    add("encode", "encode/" + name, command, output, after);
    encodings_[{method, seed}].emplace_back("encode/" + name, output);
}

void Expansion::networks() {
    for (const auto& subject : s_.subjects) {
        const fs::path output = s_.output / "encodings" / "untuned" / (subject + ".h5");
        Words command{"ridge-encode", s_.dataset(subject).string()}, after = after_data(subject);
        if (!weights_.empty()) command.push_back(weights_[1]), after.push_back(weights_step_);
        append(command, table_.options("encode"));
        append(command, {"-o", output.string()});
        add("encode", "encode/untuned/" + subject, command, output, after);
        encodings_[{"untuned", 0}].emplace_back("encode/untuned/" + subject, output);
    }
    for (const auto seed : s_.seeds)
        for (const auto& method : s_.methods)
            for (const auto& region : s_.regions) {
                Words with;
                for (const auto& subject : s_.subjects)
                    if (has(subject, region, method)) with.push_back(subject);
                if (const auto absent = absent_.find(region.hemisphere + ' ' + region.roi); absent != absent_.end() && absent->second >= s_.subjects.size()) {
                    const auto& [what, mend] = missing_.at(absent->first);
                    throw BadInput(fmt::format("{}: regions: no subject has {}; {}", s_.file.string(), absent->first, what), mend);
                }
                absent_.clear();
                if (with.empty()) continue;
                if (method.pooled) tune(method, region, seed, with);
                else
                    for (const auto& subject : with) tune(method, region, seed, {subject});
            }
}

// Models by name and seed of their networks.
void Expansion::evaluate(const std::string& name, const std::vector<std::pair<std::string, std::int64_t>>& models, std::int64_t seed, const fs::path& output) {
    Words command{"encode-eval"}, after;
    for (const auto& model : models) {
        Words files;
        for (const auto& [id, file] : encodings_[model]) files.push_back(file.string()), after.push_back(id);
        if (!files.empty()) append(command, {"--model", model.first + "=" + join(files, ",")});
    }
    append(command, {"--seed", std::to_string(seed)});
    append(command, table_.options("evaluate"));
    append(command, {"-o", output.string()});
    Step& step = add("evaluate", fmt::format("evaluate/{}s{}", name, seed), command, output, after);
    step.standard_output = fs::path(output).replace_extension(".tsv");
    reported_.push_back(step.id);
}

void Expansion::evaluate(std::int64_t seed) {
    std::vector<std::pair<std::string, std::int64_t>> models{{"untuned", 0}};
    for (const auto& method : s_.methods) models.emplace_back(method.name, seed);
    evaluate("", models, seed, s_.evaluation(seed));
}

void Expansion::compare(const Study::Comparison& of, std::int64_t seed) {
    evaluate(fmt::format("{}-{}.", of.method, of.against), {{of.against, seed}, {of.method, seed}}, seed, s_.comparison(of, seed));
}

void Expansion::transfer(const std::string& method, std::int64_t seed) {
    Words command{"transfer-eval"}, after;
    for (const auto& [id, file] : models_[{method, seed}]) command.push_back(file.string()), after.push_back(id);
    if (after.empty()) return;
    for (const auto& subject : s_.subjects) command.push_back(s_.dataset(subject).string()), append(after, after_data(subject));
    if (!weights_.empty()) append(command, {"--untuned", weights_[1]}), after.push_back(weights_step_);
    append(command, {"--seed", std::to_string(seed)});
    append(command, table_.table("transfer", {}).options("options"));
    const fs::path output = s_.transfer_file(method, seed);
    append(command, {"-o", output.string()});
    Step& step = add("transfer", fmt::format("transfer/{}.s{}", method, seed), command, output, after);
    step.standard_output = fs::path(output).replace_extension(".tsv");
    reported_.push_back(step.id);
}

void Expansion::report() {
    if (!table_.has("report")) return;
    const Table report = table_.table("report", {"title", "published", "names"});
    Words command{"study-report", s_.file.filename().string(), "--title", report.has("title") ? report.text("title") : s_.name};
    if (report.has("published")) append(command, {"--published", report.text("published")});
    if (report.has("names")) {
        const Table names = report.table("names", {});
        for (const auto& name : names.keys()) append(command, {"--published-name", name + "=" + names.text(name)});
    }
    const fs::path output = s_.output / "report.html";
    append(command, {"-o", output.string()});
    Step& step = add("report", "report", command, output, reported_);
    if (report.has("published")) step.reads = {report.text("published")};
    step.standard_output = fs::path(output).replace_extension(".tsv");
}

void Expansion::run() {
    data();
    weights();
    networks();
    for (const auto seed : s_.seeds) evaluate(seed);
    for (const auto seed : s_.seeds)
        for (const auto& of : s_.comparisons) compare(of, seed);
    for (const auto seed : s_.seeds)
        for (const auto& method : s_.transfer) transfer(method, seed);
    report();
}

void read_methods(const Table& table, Study& study) {
    const Table methods = table.table("methods", {});
    for (const auto& name : methods.keys()) {
        if (name.empty() || name == "untuned" || name[0] == '.' || plain(name) != name)
            throw BadInput(fmt::format("{}: a method's name has letters, digits and .+- and is not 'untuned'", methods.where(name)));
        const auto words = methods.options(name);
        study.methods.push_back({name, std::find(words.begin(), words.end(), "--pool") != words.end()});
    }
    if (study.methods.empty()) throw BadInput(table.where("methods") + ": expected one method or more", "\"methods\": {\"contrastive\": {\"loss\": \"infonce\"}}");
    if (table.has("compare")) {
        const Table compare = table.table("compare", {});
        for (const auto& name : compare.keys())
            for (const auto& against : compare.texts(name)) {
                for (const auto& one : {name, against})
                    if (!methods.has(one)) throw BadInput(fmt::format("{}: '{}' is no method of this study", table.where("compare"), one), "evaluations compare every method with the untuned network as it is");
                if (name == against) throw BadInput(fmt::format("{}: '{}' with itself", table.where("compare"), name));
                study.comparisons.push_back({name, against});
            }
    }
    if (!table.has("transfer")) return;
    study.transfer = table.table("transfer", {"methods", "options"}).texts("methods");
    for (const auto& name : study.transfer)
        if (!methods.has(name)) throw BadInput(fmt::format("{}: '{}' is no method of this study", table.where("transfer"), name));
}

}  // namespace

const Words& stages() {
    static const Words names{"simulate", "extract", "weights", "tune", "encode", "evaluate", "transfer", "report"};
    return names;
}

const Step& Study::step(const std::string& id) const {
    const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& s) { return s.id == id; });
    if (found != steps.end()) return *found;
    Words known;
    for (const auto& s : steps) known.push_back(s.id);
    throw UsageError(fmt::format("{}: no step '{}'", file.string(), id), "did you mean " + nearest_first(id, known)[0] + "?");
}

fs::path Study::evaluation(std::int64_t seed) const { return output / fmt::format("evaluation.s{}.h5", seed); }
fs::path Study::comparison(const Comparison& of, std::int64_t seed) const { return output / fmt::format("evaluation.{}-{}.s{}.h5", of.method, of.against, seed); }
fs::path Study::transfer_file(const std::string& method, std::int64_t seed) const { return output / fmt::format("transfer.{}.s{}.h5", method, seed); }

Study read_study(const fs::path& file) {
    const Table table(file.string(), read_table(file),
                      {"name", "output", "data", "subjects", "regions", "weights", "methods", "seeds", "tune", "encode", "evaluate", "compare", "transfer", "report"});
    Study out;
    out.file = file;
    out.folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
    out.name = table.text("name");
    out.output = table.has("output") ? fs::path(table.text("output")) : fs::path("out");
    for (const auto n : table.numbers("subjects")) out.subjects.push_back(fmt::format("subj{:02}", n));
    if (std::set<std::string>(out.subjects.begin(), out.subjects.end()).size() != out.subjects.size()) throw BadInput(table.where("subjects") + ": each once");
    out.seeds = table.has("seeds") ? table.numbers("seeds") : std::vector<std::int64_t>{0};
    if (std::set<std::int64_t>(out.seeds.begin(), out.seeds.end()).size() != out.seeds.size()) throw BadInput(table.where("seeds") + ": each once");
    const Table regions = table.table("regions", {"lh", "rh", "all"});
    for (const auto& hemisphere : regions.keys())
        for (const auto& roi : regions.texts(hemisphere)) out.regions.push_back({hemisphere, roi});
    if (out.regions.empty()) throw BadInput(table.where("regions") + ": expected one hemisphere or more", "\"regions\": {\"lh\": [\"V1v\"]}");
    read_methods(table, out);
    Expansion(out, table).run();
    return out;
}

}  // namespace cortune::study
