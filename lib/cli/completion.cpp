// SPDX-License-Identifier: BSD-3-Clause
#include "cli/completion.hpp"

#include <fmt/format.h>

#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::cli {
namespace {

std::vector<OptionText> shown_options(const App& app) {
    std::vector<OptionText> out;
    for (auto& o : app.texts())
        if (!o.group.empty() && !o.positional) out.push_back(std::move(o));
    return out;
}

// Single-quoted for a shell.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string bash(const App& app, const Doc& doc) {
    std::vector<std::string> words;
    for (const auto& o : shown_options(app)) {
        for (const auto& s : o.short_names) words.push_back(fmt::format("-{}", s));
        for (const auto& l : o.long_names) words.push_back(fmt::format("--{}", l));
    }
    const std::string function = fmt::format("_{}", lower_snake(doc.name));
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

std::string zsh(const App& app, const Doc& doc) {
    std::string out = fmt::format("#compdef {}\n_arguments -s \\\n", doc.name);
    for (const auto& o : shown_options(app)) {
        std::string text;
        for (char c : o.description) text += (c == '[' || c == ']' || c == ':') ? ' ' : c;
        const std::string value = o.takes_value ? fmt::format(":{}:_files", o.value) : "";
        for (const auto& s : o.short_names) out += fmt::format("  {} \\\n", quoted(fmt::format("-{}[{}]{}", s, text, value)));
        for (const auto& l : o.long_names) out += fmt::format("  {} \\\n", quoted(fmt::format("--{}[{}]{}", l, text, value)));
    }
    return out + "  '*:file:_files'\n";
}

std::string fish(const App& app, const Doc& doc) {
    std::string out;
    for (const auto& o : shown_options(app)) {
        out += "complete -c " + doc.name;
        for (const auto& s : o.short_names) out += " -s " + s;
        for (const auto& l : o.long_names) out += " -l " + l;
        if (o.takes_value) out += " -r";
        out += " -d " + quoted(o.description) + "\n";
    }
    return out;
}

}  // namespace

std::string completion_script(const App& app, const Doc& doc, const std::string& shell) {
    if (shell == "bash") return bash(app, doc);
    if (shell == "zsh") return zsh(app, doc);
    if (shell == "fish") return fish(app, doc);
    throw UsageError(fmt::format("no completions for '{}'", shell), "bash, zsh and fish are known");
}

}  // namespace cortune::cli
