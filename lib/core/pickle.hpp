// SPDX-License-Identifier: BSD-3-Clause
// Python pickles as data: an interpreter of the opcodes of protocols 2 to 5 that
// builds a tree of values and never calls, imports or allocates on a pickle's word.
// What a pickle would have called is kept as an `object` for the reader to judge, and
// a global that the reader does not allow ends the reading. (Opcodes: CPython's
// Lib/pickletools.py.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cortune::pickle {

enum class Kind {
    none,
    boolean,      // integer: 0 or 1
    integer,      // integer
    big_integer,  // text: two's complement, little-endian, more than 8 bytes
    real,         // real
    text,         // text: UTF-8 (protocol 2 strings of Python 2 too, byte for byte)
    bytes,        // text
    tuple,        // items
    list,         // items
    dict,         // pairs, in order
    global,       // text: "module.name", allowed by the reader
    object,       // callable(args...), then state; pairs and items if set on it afterwards
    persistent,   // args: the persistent id (PyTorch: a tuple that names a storage)
};

// A value of the tree. Values are shared where the pickle shares them, and a hostile
// pickle may hold cycles: walk with a bound.
struct Value {
    Kind kind = Kind::none;
    std::int64_t integer = 0;
    double real = 0;
    std::string text;
    std::vector<const Value*> items;
    std::vector<std::pair<const Value*, const Value*>> pairs;
    const Value* callable = nullptr;  // object: its global
    const Value* args = nullptr;      // object: the tuple of arguments; persistent: the id
    const Value* state = nullptr;     // object: what BUILD gave it, or nullptr

    bool is(Kind k) const { return kind == k; }
    // An object made by calling the global `name`.
    bool made_by(const std::string& name) const;
    // Element of a tuple or list, nullptr where there is none.
    const Value* at(std::size_t i) const;
    // Entry of a dict, or of an object that was filled like one, under a text key; or nullptr.
    const Value* find(const std::string& key) const;
    // "int", "str", "dict", "object of collections.OrderedDict": for messages.
    std::string describe() const;
};

// The values of one pickle; they live as long as this does.
class Document {
  public:
    Document() = default;
    Document(Document&&) = default;
    Document& operator=(Document&&) = default;
    const Value& root() const { return *root_; }
    // Bytes up to and including STOP: where the next pickle of the stream begins.
    std::size_t consumed() const { return consumed_; }

  private:
    friend class Machine;
    std::deque<Value> values_;
    const Value* root_ = nullptr;
    std::size_t consumed_ = 0;
};

// Whether the global "module.name" may be named ("collections.OrderedDict").
using AllowGlobal = std::function<bool(const std::string& name)>;

inline constexpr std::size_t max_values = std::size_t{1} << 20;

// Reads the pickle at the start of `bytes`; more may follow it. Throws BadInput
// beginning with `where` for a refused global (named), an opcode outside protocols
// 2–5, a damaged or truncated stream, or one of more than max_values values.
Document load(std::span<const std::uint8_t> bytes, const std::string& where,
              const AllowGlobal& allow);

}  // namespace cortune::pickle
