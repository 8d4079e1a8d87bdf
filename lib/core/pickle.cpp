// SPDX-License-Identifier: BSD-3-Clause
#include "core/pickle.hpp"

#include <fmt/format.h>

#include <bit>
#include <unordered_map>

#include "core/error.hpp"

namespace cortune::pickle {

namespace {

// The opcodes of protocols 2 to 5 that data need (names as in pickletools).
enum Op : std::uint8_t {
    MARK = '(', STOP = '.', POP = '0', POP_MARK = '1', DUP = '2',
    BININT = 'J', BININT1 = 'K', BININT2 = 'M', NONE = 'N', BINPERSID = 'Q', REDUCE = 'R',
    BINFLOAT = 'G', BINSTRING = 'T', SHORT_BINSTRING = 'U', BINUNICODE = 'X',
    APPEND = 'a', APPENDS = 'e', BUILD = 'b', GLOBAL = 'c', DICT = 'd', EMPTY_DICT = '}',
    BINGET = 'h', LONG_BINGET = 'j', LIST = 'l', EMPTY_LIST = ']', BINPUT = 'q', LONG_BINPUT = 'r',
    SETITEM = 's', SETITEMS = 'u', TUPLE = 't', EMPTY_TUPLE = ')', BINBYTES = 'B',
    SHORT_BINBYTES = 'C', PROTO = 0x80, NEWOBJ = 0x81, TUPLE1 = 0x85, TUPLE2 = 0x86, TUPLE3 = 0x87,
    NEWTRUE = 0x88, NEWFALSE = 0x89, LONG1 = 0x8a, LONG4 = 0x8b, SHORT_BINUNICODE = 0x8c,
    BINUNICODE8 = 0x8d, BINBYTES8 = 0x8e, NEWOBJ_EX = 0x92, STACK_GLOBAL = 0x93, MEMOIZE = 0x94,
    FRAME = 0x95,
};

}  // namespace

// The stack machine. It keeps Python's separate stack of marks, never recurses, and
// makes at most one value per opcode.
class Machine {
  public:
    Machine(std::span<const std::uint8_t> bytes, const std::string& where, const AllowGlobal& allow)
        : bytes_(bytes), where_(where), allow_(allow) {}

    Document run() {
        while (!done_) {
            op_at_ = at_;
            const auto op = static_cast<std::uint8_t>(little(1));
            if (!literal(op) && !container(op) && !memo(op)) other(op);
        }
        document_.consumed_ = at_;
        return std::move(document_);
    }

  private:
    [[noreturn]] void fail(const std::string& what) const {
        throw BadInput(fmt::format("{}: {} (pickle, byte {})", where_, what, op_at_));
    }

    // Reading
    std::span<const std::uint8_t> take(std::uint64_t n) {
        if (n > bytes_.size() - at_) fail("the pickle is cut short");
        const auto out = bytes_.subspan(at_, n);
        at_ += n;
        return out;
    }
    std::uint64_t little(std::size_t n) {
        std::uint64_t out = 0;
        const auto raw = take(n);
        for (std::size_t i = 0; i < n; ++i) out |= std::uint64_t{raw[i]} << (8 * i);
        return out;
    }
    std::string string(std::uint64_t n) {
        const auto raw = take(n);
        return {raw.begin(), raw.end()};
    }
    std::string line() {
        std::string out;
        for (char c; (c = static_cast<char>(little(1))) != '\n';) out += c;
        return out;
    }

    // The stack
    Value* push(Kind kind) {
        if (document_.values_.size() >= max_values) fail(fmt::format("more than {} values", max_values));
        document_.values_.emplace_back().kind = kind;
        stack_.push_back(&document_.values_.back());
        return stack_.back();
    }
    void push_text(Kind kind, std::string text) { push(kind)->text = std::move(text); }
    void push_int(std::int64_t value, Kind kind = Kind::integer) { push(kind)->integer = value; }
    // Values below the last mark are out of reach, as in Python's.
    Value* top() const {
        if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("an opcode finds its stack empty");
        return stack_.back();
    }
    Value* pop() {
        Value* out = top();
        stack_.pop_back();
        return out;
    }
    std::vector<const Value*> pop_to_mark() {
        if (marks_.empty()) fail("an opcode finds no mark");
        const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<const Value*> out(first, stack_.end());
        stack_.erase(first, stack_.end());
        marks_.pop_back();
        return out;
    }
    void push_tuple(std::size_t n) {
        std::vector<const Value*> items(n);
        for (std::size_t i = n; i-- > 0;) items[i] = pop();
        push(Kind::tuple)->items = std::move(items);
    }

    // Filling
    void extend(const std::vector<const Value*>& items) {
        Value* to = top();
        if (to->kind != Kind::list && to->kind != Kind::object) fail("append to a " + to->describe());
        to->items.insert(to->items.end(), items.begin(), items.end());
    }
    void fill(Value* to, const std::vector<const Value*>& items) {
        if (to->kind != Kind::dict && to->kind != Kind::object) fail("item of a " + to->describe());
        if (items.size() % 2 != 0) fail("a key without a value");
        for (std::size_t i = 0; i < items.size(); i += 2) to->pairs.emplace_back(items[i], items[i + 1]);
    }
    void push_global(const std::string& module, const std::string& name) {
        const std::string full = module + '.' + name;
        if (!allow_(full))
            throw BadInput(fmt::format("{}: the pickle wants the global '{}', which is not allowed",
                                       where_, full),
                           "only plain data are read; a pickle that calls other code is refused");
        push_text(Kind::global, full);
    }
    void push_object(const Value* callable, const Value* args) {
        if (callable->kind != Kind::global) fail("calls a " + callable->describe());
        if (args->kind != Kind::tuple) fail("calls with a " + args->describe());
        Value* object = push(Kind::object);
        object->callable = callable;
        object->args = args;
    }
    void push_long(std::uint64_t n) {
        const auto raw = take(n);
        if (n > 8) return push_text(Kind::big_integer, {raw.begin(), raw.end()});
        std::uint64_t value = n > 0 && (raw[n - 1] & 0x80) ? ~std::uint64_t{0} : 0;
        for (std::size_t i = n; i-- > 0;) value = value << 8 | raw[i];
        push_int(static_cast<std::int64_t>(value));
    }
    void push_real() {
        std::uint64_t bits = 0;  // big-endian, alone among the numbers
        for (std::uint8_t byte : take(8)) bits = bits << 8 | byte;
        push(Kind::real)->real = std::bit_cast<double>(bits);
    }

    // One opcode each; false where it is of another group.
    bool literal(std::uint8_t op) {
        switch (op) {
            case NONE: push(Kind::none); break;
            case NEWTRUE: push_int(1, Kind::boolean); break;
            case NEWFALSE: push_int(0, Kind::boolean); break;
            case BININT: push_int(static_cast<std::int32_t>(little(4))); break;
            case BININT1: push_int(static_cast<std::int64_t>(little(1))); break;
            case BININT2: push_int(static_cast<std::int64_t>(little(2))); break;
            case LONG1: push_long(little(1)); break;
            case LONG4: push_long(little(4)); break;
            case BINFLOAT: push_real(); break;
            case BINUNICODE:
            case BINSTRING: push_text(Kind::text, string(little(4))); break;
            case SHORT_BINUNICODE:
            case SHORT_BINSTRING: push_text(Kind::text, string(little(1))); break;
            case BINUNICODE8: push_text(Kind::text, string(little(8))); break;
            case BINBYTES: push_text(Kind::bytes, string(little(4))); break;
            case SHORT_BINBYTES: push_text(Kind::bytes, string(little(1))); break;
            case BINBYTES8: push_text(Kind::bytes, string(little(8))); break;
            default: return false;
        }
        return true;
    }

    bool container(std::uint8_t op) {
        switch (op) {
            case EMPTY_TUPLE: push(Kind::tuple); break;
            case EMPTY_LIST: push(Kind::list); break;
            case EMPTY_DICT: push(Kind::dict); break;
            case TUPLE1: push_tuple(1); break;
            case TUPLE2: push_tuple(2); break;
            case TUPLE3: push_tuple(3); break;
            case TUPLE:
            case LIST: {
                auto items = pop_to_mark();
                push(op == TUPLE ? Kind::tuple : Kind::list)->items = std::move(items);
                break;
            }
            case DICT: {
                const auto items = pop_to_mark();
                fill(push(Kind::dict), items);
                break;
            }
            case APPEND: {
                const Value* item = pop();
                extend({item});
                break;
            }
            case APPENDS: extend(pop_to_mark()); break;
            case SETITEM: {
                const Value* value = pop();
                const Value* key = pop();
                fill(top(), {key, value});
                break;
            }
            case SETITEMS: {
                const auto items = pop_to_mark();
                fill(top(), items);
                break;
            }
            default: return false;
        }
        return true;
    }

    bool memo(std::uint8_t op) {
        switch (op) {
            case BINPUT: memo_[little(1)] = top(); break;
            case LONG_BINPUT: memo_[little(4)] = top(); break;
            case MEMOIZE: memo_.emplace(memo_.size(), top()); break;
            case BINGET: recall(little(1)); break;
            case LONG_BINGET: recall(little(4)); break;
            default: return false;
        }
        return true;
    }
    void recall(std::uint64_t key) {
        const auto found = memo_.find(key);
        if (found == memo_.end()) fail(fmt::format("memo {} is empty", key));
        stack_.push_back(found->second);
    }

    void other(std::uint8_t op) {
        switch (op) {
            case PROTO:
                if (const auto protocol = little(1); protocol < 2 || protocol > 5)
                    fail(fmt::format("protocol {}, expected 2 to 5", protocol));
                break;
            case FRAME: little(8); break;
            case MARK: marks_.push_back(stack_.size()); break;
            case POP: pop(); break;
            case POP_MARK: pop_to_mark(); break;
            case DUP: stack_.push_back(top()); break;
            case GLOBAL: {
                const std::string module = line();
                push_global(module, line());
                break;
            }
            case STACK_GLOBAL: {
                const Value* name = pop();
                const Value* module = pop();
                if (name->kind != Kind::text || module->kind != Kind::text) fail("a global without a name");
                push_global(module->text, name->text);
                break;
            }
            case REDUCE:
            case NEWOBJ: {
                const Value* args = pop();
                push_object(pop(), args);
                break;
            }
            case BUILD: {
                const Value* state = pop();
                if (top()->kind != Kind::object) fail("state for a " + top()->describe());
                top()->state = state;
                break;
            }
            case BINPERSID: {
                const Value* id = pop();
                push(Kind::persistent)->args = id;
                break;
            }
            case STOP:
                document_.root_ = pop();
                if (!stack_.empty()) fail("values are left over at the end");
                done_ = true;
                break;
            default:
                fail(fmt::format("opcode 0x{:02x} is none of protocols 2 to 5 that data need", op));
        }
    }

    std::span<const std::uint8_t> bytes_;
    const std::string& where_;
    const AllowGlobal& allow_;
    std::size_t at_ = 0, op_at_ = 0;
    bool done_ = false;
    std::vector<Value*> stack_;
    std::vector<std::size_t> marks_;
    std::unordered_map<std::uint64_t, Value*> memo_;
    Document document_;
};

Document load(std::span<const std::uint8_t> bytes, const std::string& where,
              const AllowGlobal& allow) {
    return Machine(bytes, where, allow).run();
}

}  // namespace cortune::pickle
