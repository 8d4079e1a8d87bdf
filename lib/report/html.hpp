// SPDX-License-Identifier: BSD-3-Clause
// What self-contained pages are made of. Nothing in them is fetched from anywhere; figures are SVG inside the page.
#pragma once

#include <string>
#include <vector>

#include "images/image.hpp"
#include "report/evaluation_report.hpp"

namespace cortune::report {

std::string escaped(const std::string& text);
// Up to <body> and the heading.
std::string page_head(const std::string& title);
std::string page_end();

// A number of a table, "–" where it is not known.
std::string cell(double value, const char* format);
std::string interval_cell(double low, double high, const char* format);
const char* optimistic_mark(bool optimistic);

// Folded away under its summary; nothing where there is no content.
std::string details_html(const std::string& summary, const std::string& content);

// <img> with the picture inside the page, `width` pixels wide; its pixels stay sharp.
std::string image_html(const images::Image& image, int width, const std::string& alternative);

std::string figure_html(const Figure& figure);

// Rows of cells; names that start with '<' are of text columns (left). Cells are HTML.
std::string table_html(const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& rows);

}  // namespace cortune::report
