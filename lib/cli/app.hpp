// SPDX-License-Identifier: BSD-3-Clause
// The command line of a tool: a front to CLI11 with the names that CLI11 has. CLI11 is ten thousand lines in headers, which
// every file that reads them compiles anew (13 s of each tool): here app.cpp alone does.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace CLI {
class Option;
}

namespace cortune::cli {

// What is wrong with a value as it was typed; "" for nothing (cli/ranges.hpp).
using Check = std::function<std::string(const std::string&)>;

class Option {
  public:
    explicit Option(CLI::Option* of) : of_(of) {}

    Option* required();
    Option* type_name(const std::string& name);  // what it takes, for the reader: "FILE"
    Option* check(Check check);                  // of every value; the first that has something to say ends the run
    Option* capture_default_str();               // its default is what the variable holds now, and is shown
    Option* group(const std::string& heading);   // "" hides it
    Option* needs(Option* other);
    Option* excludes(Option* other);
    Option* excludes(const std::string& name);  // of an option declared before
    Option* delimiter(char separator);  // several values in one word
    Option* one_a_time();               // repeated, each time with one value
    // With false a list takes one word each time that it is given, not all up to the next option.
    Option* allow_extra_args(bool allow);

    std::size_t count() const;  // how often it was given
    std::string name() const;   // "--seed"

  private:
    CLI::Option* of_;
};

// What the manual page and the completions say of an option.
struct OptionText {
    bool positional = false, required = false, takes_value = false, many = false;
    std::string name, value, initial, description, group;  // initial: its default, "" for none; value: "FILE"
    std::vector<std::string> short_names, long_names;      // without hyphens
};

enum class Parsed { run, help, version };

class App {
  public:
    App(const std::string& summary, const std::string& name, const std::string& footer);
    App(const App&) = delete;
    ~App();

    // T: a string, a path, a number, an optional number, or a vector of strings, paths or doubles (app.cpp has the list;
    // another does not link). What is returned lives as long as the App.
    template <class T>
    Option* add_option(const std::string& names, T& to, const std::string& description = "");
    Option* add_flag(const std::string& names, bool& to, const std::string& description = "");

    // Ends the declarations: -h, --help and --version join the group. Of an option that is repeated the last value counts, as
    // in other tools, so that a script can append to a common list of options; what is required is a mistake when said twice.
    void finish(const std::string& group);

    // Fills the variables. Throws UsageError for what does not fit, and for numbers that are not finite: to the parser
    // "nan" is a number, and passes every check of a range.
    Parsed parse(int argc, char** argv);

    std::string help() const;
    std::vector<OptionText> texts() const;    // in the order of their declaration
    std::vector<std::string> groups() const;  // headings, in the order of help
    // By name: true or false of flags, null of what has neither a value nor a default.
    nlohmann::json effective() const;

  private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace cortune::cli
