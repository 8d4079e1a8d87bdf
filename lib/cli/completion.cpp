// SPDX-License-Identifier: BSD-3-Clause
#include "cli/completion.hpp"

#include <fmt/format.h>

#include <vector>

#include "cli/manual.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::cli {
namespace {

std::vector<const CLI::Option*> shown_options(const CLI::App& app) {
    std::vector<const CLI::Option*> out;
    for (const CLI::Option* o : app.get_options())
        if (!o->get_group().empty() && !o->get_positional()) out.push_back(o);
    return out;
}

// Single-quoted for a shell.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string bash(const CLI::App& app, const Doc& doc) {
    std::vector<std::string> words;
    for (const auto* o : shown_options(app)) {
        for (const auto& s : o->get_snames()) words.push_back("-" + s);
        for (const auto& l : o->get_lnames()) words.push_back("--" + l);
    }
    const std::string function = "_" + lower_snake(doc.name);
    return fmt::format(
        "{0}() {{\n"
        "    local word=${{COMP_WORDS[COMP_CWORD]}}\n"
        "    if [[ $word == -* ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W {1} -- \"$word\")\n"
        "    else\n"
        "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
        "    fi\n"
        "}}\n"
        "complete -o filenames -F {0} {2}\n",
        function, quoted(join(words, " ")), doc.name);
}

std::string zsh(const CLI::App& app, const Doc& doc) {
    std::string out = fmt::format("#compdef {}\n_arguments -s \\\n", doc.name);
    for (const auto* o : shown_options(app)) {
        std::string text;
        for (char c : o->get_description()) text += (c == '[' || c == ']' || c == ':') ? ' ' : c;
        const std::string value = takes_value(*o) ? fmt::format(":{}:_files", value_name(*o)) : "";
        for (const auto& s : o->get_snames()) out += fmt::format("  {} \\\n", quoted(fmt::format("-{}[{}]{}", s, text, value)));
        for (const auto& l : o->get_lnames()) out += fmt::format("  {} \\\n", quoted(fmt::format("--{}[{}]{}", l, text, value)));
    }
    return out + "  '*:file:_files'\n";
}

std::string fish(const CLI::App& app, const Doc& doc) {
    std::string out;
    for (const auto* o : shown_options(app)) {
        out += "complete -c " + doc.name;
        for (const auto& s : o->get_snames()) out += " -s " + s;
        for (const auto& l : o->get_lnames()) out += " -l " + l;
        if (takes_value(*o)) out += " -r";
        out += " -d " + quoted(o->get_description()) + "\n";
    }
    return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, const Doc& doc, const std::string& shell) {
    if (shell == "bash") return bash(app, doc);
    if (shell == "zsh") return zsh(app, doc);
    if (shell == "fish") return fish(app, doc);
    throw UsageError(fmt::format("no completions for '{}'", shell), "bash, zsh and fish are known");
}

}  // namespace cortune::cli
