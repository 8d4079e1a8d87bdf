// SPDX-License-Identifier: BSD-3-Clause
#include "cli/manual.hpp"

#include <fmt/format.h>

#include <sstream>

#include "core/system.hpp"
#include "core/text.hpp"

namespace cortune::cli {
namespace {

// Hyphens that are part of what one types, and characters that roff would read.
std::string roff(const std::string& text) {
    std::string out;
    for (char c : text) {
        if (c == '-') out += "\\-";
        else if (c == '\\') out += "\\e";
        else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += fmt::format("\\&{}", c);
        else out += c;
    }
    return out;
}

std::string option_heading(const OptionText& option) {
    std::string out;
    if (option.positional) return fmt::format("\\fI{}\\fR", roff(option.name));
    for (const auto& s : option.short_names) out += fmt::format("\\fB\\-{}\\fR, ", roff(s));
    for (const auto& l : option.long_names) out += fmt::format("\\fB\\-\\-{}\\fR, ", roff(l));
    out.resize(out.size() - 2);
    if (option.takes_value && !option.value.empty()) out += fmt::format(" \\fI{}\\fR", roff(option.value));
    return out;
}

void section(std::string& out, const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    out += fmt::format(".SH {}\n", title);
    for (std::size_t i = 0; i < lines.size(); ++i)
        out += fmt::format("{}{}\n", i ? ".PP\n" : "", roff(lines[i]));
}

void options_section(std::string& out, const App& app) {
    for (const auto& group : app.groups()) {
        if (group.empty()) continue;
        std::string body;
        for (const auto& o : app.texts()) {
            if (o.group != group) continue;
            body += fmt::format(".TP\n{}\n{}", option_heading(o), roff(o.description));
            if (o.required) body += " (required)";
            if (!o.initial.empty() && o.takes_value) body += fmt::format(" [{}]", roff(o.initial));
            body += '\n';
        }
        if (body.empty()) continue;
        out += group == "Options" ? ".SH OPTIONS\n" : fmt::format(".SS {}\n", roff(group));
        out += body;
    }
}

std::string synopsis(const App& app, const Doc& doc) {
    std::string out = fmt::format("\\fB{}\\fR", roff(doc.name));
    for (const auto& o : app.texts()) {
        if (!o.positional) continue;
        const std::string name = fmt::format("\\fI{}\\fR{}", roff(o.name), o.many ? "..." : "");
        out += o.required ? " " + name : " [" + name + "]";
    }
    return out + " [\\fIoptions\\fR]";
}

}  // namespace

std::string wrap(const std::string& text, std::size_t width) {
    std::istringstream words(text);
    std::string out;
    std::size_t column = 0;
    for (std::string word; words >> word;) {
        if (column > 0 && column + 1 + word.size() > width) out += '\n', column = 0;
        if (column > 0) out += ' ', ++column;
        out += word;
        column += word.size();
    }
    return out;
}

std::string manual_page(const App& app, const Doc& doc) {
    std::string out = fmt::format(".\\\" Made by '{0} --manual'; do not edit.\n.TH {0} 1 \"\" \"cortune {1}\"\n",
                                  doc.name, version());
    out += fmt::format(".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n{}\n", roff(doc.name), roff(doc.summary),
                       synopsis(app, doc));
    section(out, "DESCRIPTION", doc.description);
    options_section(out, app);
    section(out, "READS", doc.reads);
    section(out, "WRITES", doc.writes);
    out += ".SH EXIT STATUS\n0 done; 1 the run failed; 2 usage; 3 bad input; 4 the output exists or "
           "cannot be written; 5 no such device or not enough memory; 128 + N stopped by signal N.\n";
    if (!doc.examples.empty()) out += ".SH EXAMPLES\n";
    for (const auto& e : doc.examples)
        out += fmt::format("{}{}:\n.PP\n.nf\n.RS\n{}\n.RE\n.fi\n", &e == &doc.examples.front() ? "" : ".PP\n", roff(e.comment),
                           roff(e.command));
    section(out, "REFERENCES", doc.references);
    section(out, "SEE ALSO", {cortune::join(doc.see_also)});
    return out;
}

}  // namespace cortune::cli
