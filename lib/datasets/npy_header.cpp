// SPDX-License-Identifier: BSD-3-Clause
// The header of an .npy file: magic, version, length, and a Python dict literal with
// the keys descr, fortran_order and shape.
#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cstring>
#include <string_view>

#include "core/error.hpp"
#include "core/foreign_file.hpp"
#include "datasets/npy.hpp"

namespace cortune::datasets {
namespace {

// Reads the few forms of Python literals that NumPy writes there.
class Literal {
  public:
    Literal(std::string_view text, const std::string& where) : text_(text), where_(where) {}

    NpyHeader header() {
        NpyHeader out;
        bool descr = false, order = false, shape = false;
        expect('{');
        while (!accept('}')) {
            const std::string key = quoted();
            expect(':');
            if (key == "descr") out.descr = type(), descr = true;
            else if (key == "fortran_order") out.fortran_order = boolean(), order = true;
            else if (key == "shape") out.shape = tuple(), shape = true;
            else fail();
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        if (!descr || !order || !shape) fail();
        return out;
    }

  private:
    [[noreturn]] void fail() const {
        throw BadInput(fmt::format("{}: the header of this .npy file cannot be read: {:.80}", where_, text_));
    }
    void blanks() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    }
    bool accept(char c) {
        blanks();
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void expect(char c) {
        if (!accept(c)) fail();
    }
    std::string quoted() {
        blanks();
        const char quote = at_ < text_.size() ? text_[at_] : '\0';
        if (quote != '\'' && quote != '"') fail();
        const auto end = text_.find(quote, ++at_);
        if (end == std::string_view::npos) fail();
        std::string out(text_.substr(at_, end - at_));
        at_ = end + 1;
        return out;
    }
    std::string type() {
        blanks();
        if (at_ < text_.size() && text_[at_] == '[')
            throw BadInput(fmt::format("{}: expected numbers, found records of several fields", where_),
                           "save each field as an array of its own");
        return quoted();
    }
    bool boolean() {
        blanks();
        for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}})
            if (text_.substr(at_).starts_with(word)) {
                at_ += word.size();
                return value;
            }
        fail();
    }
    std::vector<std::uint64_t> tuple() {
        std::vector<std::uint64_t> out;
        expect('(');
        while (!accept(')')) {
            blanks();
            std::uint64_t n = 0;
            const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), n);
            if (error != std::errc{}) fail();
            at_ = static_cast<std::size_t>(end - text_.data());
            accept('L');  // Python 2 wrote long integers so
            out.push_back(n);
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        return out;
    }

    std::string_view text_;
    const std::string& where_;
    std::size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::span<const std::uint8_t> bytes, const std::string& where) {
    static constexpr char magic[] = "\x93NUMPY";
    refuse_pointer({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where);
    if (bytes.size() < 10 || std::memcmp(bytes.data(), magic, 6) != 0)
        throw BadInput(fmt::format("{}: not an .npy file, or cut short", where), "numpy.save writes them; was it downloaded whole?");
    const int version = bytes[6];
    if (version < 1 || version > 3)
        throw BadInput(fmt::format("{}: .npy version {}, expected 1 to 3", where, version));
    const std::size_t width = version == 1 ? 2 : 4;
    std::size_t length = 0;
    if (bytes.size() >= 8 + width)
        for (std::size_t i = width; i-- > 0;) length = length << 8 | bytes[8 + i];
    const std::size_t start = 8 + width;
    if (bytes.size() < start || length > bytes.size() - start)
        throw BadInput(fmt::format("{}: expected a header of {} bytes, found {} bytes", where, length,
                                   bytes.size()));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
    NpyHeader out = Literal(text, where).header();
    out.data_offset = start + length;
    return out;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
    std::string out = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) out += fmt::format("{}{}", i ? ", " : "", shape[i]);
    return out + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace cortune::datasets
