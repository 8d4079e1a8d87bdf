// SPDX-License-Identifier: BSD-3-Clause
#include "cli/app.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <optional>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::cli {
namespace {

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() != 0; }

// Our checks speak for themselves; CLI11 would append what it knows of its own.
std::string value_name(const CLI::Option& option) { return option.get_type_name().substr(0, option.get_type_name().find(':')); }

// Nothing but "INT", "FILE" and a default behind the name.
class Formatter : public CLI::Formatter {
  public:
    std::string make_option_opts(const CLI::Option* option) const override {
        if (!takes_value(*option)) return {};
        std::string out = value_name(*option).empty() ? "" : " " + value_name(*option);
        if (!option->get_default_str().empty()) out += " [" + option->get_default_str() + "]";
        if (option->get_required()) out += " (required)";
        return out;
    }
};

// "nan", "-inf", "1e999"
bool is_not_finite(const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    return !text.empty() && *end == '\0' && !std::isfinite(value);
}

void refuse_not_finite(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
        // Words may be "nan"; what has a range refuses it by itself.
        if (value_name(*option).find("FLOAT") == std::string::npos) continue;
        for (const auto& value : option->results())
            if (is_not_finite(value)) throw UsageError(fmt::format("{}: expected a finite number, found '{}'", option->get_name(), value));
    }
}

// "--subject -o x.h5": the name of an option is no value.
void refuse_swallowed(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options())
        for (const auto& value : option->get_positional() ? CLI::results_t{} : option->results())
            if (value.size() > 1 && value[0] == '-' && app.get_option_no_throw(value))
                throw UsageError(fmt::format("{}: expected a value, found the option {}", option->get_name(), value));
}

UsageError unexpected(const CLI::App& app, const std::string& hint) {
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options())
        for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    for (const auto& argument : app.remaining())
        if (argument.starts_with("--"))
            return UsageError(fmt::format("unknown option {}", argument), fmt::format("nearest: {}; {}", nearest_first(argument.substr(0, argument.find('=')), known)[0], hint));
    return UsageError("not expected: " + join(app.remaining(), " "), hint);
}

nlohmann::json effective_value(const CLI::Option& option) {
    if (!takes_value(option)) return option.count() > 0 && option.as<bool>();
    const auto given = option.count() > 0 ? option.reduced_results() : CLI::results_t{};
    if (given.size() > 1) return given;
    if (given.size() == 1) return given[0];
    if (!option.get_default_str().empty()) return option.get_default_str();
    return nullptr;
}

}  // namespace

Option* Option::required() { return of_->required(), this; }
Option* Option::type_name(const std::string& name) { return of_->type_name(name), this; }
Option* Option::capture_default_str() { return of_->capture_default_str(), this; }
Option* Option::group(const std::string& heading) { return of_->group(heading), this; }
Option* Option::needs(Option* other) { return of_->needs(other->of_), this; }
Option* Option::excludes(Option* other) { return of_->excludes(other->of_), this; }
Option* Option::excludes(const std::string& name) { return of_->excludes(name), this; }
Option* Option::delimiter(char separator) { return of_->delimiter(separator), this; }
Option* Option::one_a_time() { return of_->expected(1)->take_all()->allow_extra_args(false), this; }
Option* Option::allow_extra_args(bool allow) { return of_->allow_extra_args(allow), this; }
std::size_t Option::count() const { return of_->count(); }
std::string Option::name() const { return of_->get_name(); }

Option* Option::check(Check check) {
    of_->check(CLI::Validator([check = std::move(check)](std::string& text) { return check(text); }, ""));
    return this;
}

struct App::Inside {
    Inside(const std::string& summary, const std::string& name) : app(summary, name) {}

    CLI::App app;
    std::deque<Option> options;
};

App::App(const std::string& summary, const std::string& name, const std::string& footer) : inside_(std::make_unique<Inside>(summary, name)) {
    inside_->app.formatter(std::make_shared<Formatter>());
    inside_->app.get_formatter()->column_width(34);
    inside_->app.footer(footer);
}

App::~App() = default;

template <class T>
Option* App::add_option(const std::string& names, T& to, const std::string& description) {
    return &inside_->options.emplace_back(inside_->app.add_option(names, to, description));
}

using Path = std::filesystem::path;
template Option* App::add_option(const std::string&, std::string&, const std::string&);
template Option* App::add_option(const std::string&, Path&, const std::string&);
template Option* App::add_option(const std::string&, int&, const std::string&);
template Option* App::add_option(const std::string&, std::int64_t&, const std::string&);
template Option* App::add_option(const std::string&, std::uint64_t&, const std::string&);
template Option* App::add_option(const std::string&, float&, const std::string&);
template Option* App::add_option(const std::string&, double&, const std::string&);
template Option* App::add_option(const std::string&, std::optional<int>&, const std::string&);
template Option* App::add_option(const std::string&, std::optional<std::int64_t>&, const std::string&);
template Option* App::add_option(const std::string&, std::optional<double>&, const std::string&);
template Option* App::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option* App::add_option(const std::string&, std::vector<Path>&, const std::string&);
template Option* App::add_option(const std::string&, std::vector<double>&, const std::string&);

Option* App::add_flag(const std::string& names, bool& to, const std::string& description) {
    return &inside_->options.emplace_back(inside_->app.add_flag(names, to, description));
}

void App::finish(const std::string& group) {
    inside_->app.set_help_flag("-h,--help", "Print this help and exit")->group(group);
    inside_->app.set_version_flag("--version", "", "Print the version and exit")->group(group);
    for (CLI::Option* option : inside_->app.get_options())
        if (!option->get_required() && option->get_items_expected_max() == 1 && option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw)
            option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

Parsed App::parse(int argc, char** argv) {
    try {
        inside_->app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return Parsed::help;
    } catch (const CLI::CallForVersion&) {
        return Parsed::version;
    } catch (const CLI::ParseError& e) {
        const std::string hint = inside_->app.get_name() + " --help lists the options";
        refuse_swallowed(inside_->app);
        if (dynamic_cast<const CLI::ExtrasError*>(&e)) throw unexpected(inside_->app, hint);
        throw UsageError(e.what(), hint);
    }
    refuse_swallowed(inside_->app);
    refuse_not_finite(inside_->app);
    return Parsed::run;
}

std::string App::help() const { return inside_->app.help(); }

std::vector<OptionText> App::texts() const {
    std::vector<OptionText> out;
    for (const CLI::Option* o : inside_->app.get_options())
        out.push_back({o->get_positional(), o->get_required(), takes_value(*o), o->get_items_expected_max() > 1, o->get_name(), value_name(*o),
                       o->get_default_str(), o->get_description(), o->get_group(), o->get_snames(), o->get_lnames()});
    return out;
}

std::vector<std::string> App::groups() const { return inside_->app.get_groups(); }

nlohmann::json App::effective() const {
    nlohmann::json out = nlohmann::json::object();
    for (const CLI::Option* option : inside_->app.get_options()) {
        if (option->get_group().empty()) continue;
        const std::string name = option->get_name(false, false);
        if (name != "--help" && name != "--version") out[name] = effective_value(*option);
    }
    return out;
}

}  // namespace cortune::cli
