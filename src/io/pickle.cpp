#include "io/pickle.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/error.h"

namespace gradus {

namespace {

// The names that state dicts are made of. None of them is called; readers know what they stand for.
constexpr const char* kAllowed[] = {"collections.OrderedDict",
                                    "torch._utils._rebuild_tensor_v2",
                                    "torch._utils._rebuild_tensor",
                                    "torch._utils._rebuild_parameter",
                                    "torch.FloatStorage",
                                    "torch.DoubleStorage",
                                    "torch.HalfStorage",
                                    "torch.BFloat16Storage",
                                    "torch.LongStorage",
                                    "torch.IntStorage",
                                    "torch.ShortStorage",
                                    "torch.CharStorage",
                                    "torch.ByteStorage",
                                    "torch.BoolStorage",
                                    "torch.Size",
                                    "torch.device",
                                    "torch.float32",
                                    "torch.float16",
                                    "torch.bfloat16"};

}  // namespace

// The pickle machine: a stack of values, a memo, and marks. Each opcode makes at most one value, so that a pickle costs
// no more memory than a multiple of its own size.
class Pickle::Machine {
 public:
  Machine(std::string_view bytes, const std::string& name, std::vector<Value>& values)
      : bytes_(bytes), name_(name), values_(values) {}

  size_t run() {
    for (;;) {
      const auto op = static_cast<unsigned char>(take(1)[0]);
      if (op == '.') return pop();
      step(op);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what, const char* hint = "the file is damaged; fetch it again.") const {
    throw FileError("pickle", name_ + ": " + what + " at byte " + std::to_string(at_) + ".", hint);
  }
  std::string_view take(uint64_t n) {
    if (n > bytes_.size() - at_) fail("the pickle ends in the middle of a value");
    const std::string_view out = bytes_.substr(at_, n);
    at_ += n;
    return out;
  }
  template <class T>
  T number() {
    T v;
    std::memcpy(&v, take(sizeof(T)).data(), sizeof(T));
    return v;
  }
  std::string line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) fail("the pickle ends in the middle of a name");
    const std::string out(bytes_.substr(at_, end - at_));
    at_ = end + 1;
    return out;
  }
  void push(Value v) {
    values_.push_back(std::move(v));
    stack_.push_back(values_.size() - 1);
  }
  void push_integer(int64_t v) { push({.kind = Kind::integer, .integer = v}); }
  void push_text(std::string_view v) { push({.kind = Kind::text, .text = std::string(v)}); }
  size_t pop() {
    if (stack_.empty()) fail("a value is missing");
    const size_t v = stack_.back();
    stack_.pop_back();
    return v;
  }
  size_t top() const {
    if (stack_.empty()) fail("a value is missing");
    return stack_.back();
  }
  // What stands above the last mark, which goes too.
  std::vector<size_t> since_mark() {
    size_t at = stack_.size();
    while (at > 0 && values_[stack_[at - 1]].kind != Kind::mark) --at;
    if (at == 0) fail("a mark is missing");
    std::vector<size_t> items(stack_.begin() + static_cast<std::ptrdiff_t>(at), stack_.end());
    stack_.resize(at - 1);
    return items;
  }
  void push_items(Kind kind, std::vector<size_t> items) {
    Value v;
    v.kind = kind;
    v.items = std::move(items);
    push(std::move(v));
  }
  void last(int n) {
    std::vector<size_t> items(static_cast<size_t>(n));
    for (int i = n - 1; i >= 0; --i) items[static_cast<size_t>(i)] = pop();
    push_items(Kind::tuple, std::move(items));
  }
  void extend(Kind kind, const std::vector<size_t>& items) {
    Value& v = values_[top()];
    // An OrderedDict is the call of its class: what is set goes into the call's items, behind class and arguments.
    const bool ordered = kind == Kind::dict && v.kind == Kind::call;
    if ((v.kind != kind && !ordered) || (kind == Kind::dict && items.size() % 2 != 0))
      fail("a value is set in no container");
    v.items.insert(v.items.end(), items.begin(), items.end());
  }
  void global(const std::string& module, const std::string& name) {
    const std::string full = module + "." + name;
    if (std::none_of(std::begin(kAllowed), std::end(kAllowed), [&](const char* a) { return full == a; }))
      fail("the name \"" + full.substr(0, 200) + "\" is refused: Gradus reads tensors and runs no code",
           "save the state_dict() alone, or convert the file to safetensors where you trust it.");
    push({.kind = Kind::global, .text = full});
  }
  void put(uint64_t slot) { memo_[slot] = top(); }
  void get(uint64_t slot) {
    const auto at = memo_.find(slot);
    if (at == memo_.end()) fail("an unknown value is asked for");
    stack_.push_back(at->second);
  }
  void long_integer(uint64_t n) {
    const std::string_view b = take(n);
    if (n > 8) fail("an integer has " + std::to_string(n) + " bytes");
    uint64_t v = 0;
    for (uint64_t i = 0; i < n; ++i) v |= uint64_t{static_cast<unsigned char>(b[i])} << (8 * i);
    if (n > 0 && n < 8 && (b[n - 1] & 0x80)) v |= ~uint64_t{0} << (8 * n);
    push_integer(static_cast<int64_t>(v));
  }

  void step(unsigned char op) {
    switch (op) {
      case 0x80: take(1); return;                    // PROTO
      case 0x95: take(8); return;                    // FRAME
      case '(': push({.kind = Kind::mark}); return;  // MARK
      case '0': pop(); return;                       // POP
      case 'N': push({}); return;                    // NONE
      case 0x88: push({.kind = Kind::boolean, .integer = 1}); return;
      case 0x89: push({.kind = Kind::boolean, .integer = 0}); return;
      case 'J': push_integer(number<int32_t>()); return;    // BININT
      case 'K': push_integer(number<uint8_t>()); return;    // BININT1
      case 'M': push_integer(number<uint16_t>()); return;   // BININT2
      case 0x8a: long_integer(number<uint8_t>()); return;   // LONG1
      case 0x8b: long_integer(number<uint32_t>()); return;  // LONG4
      case 'G': {                                           // BINFLOAT, big-endian
        const std::string_view b = take(8);
        uint64_t bits = 0;
        for (const char c : b) bits = (bits << 8) | static_cast<unsigned char>(c);
        Value v{.kind = Kind::number};
        std::memcpy(&v.number, &bits, 8);
        push(std::move(v));
        return;
      }
      case 'X': push_text(take(number<uint32_t>())); return;    // BINUNICODE
      case 0x8c: push_text(take(number<uint8_t>())); return;    // SHORT_BINUNICODE
      case 0x8d: push_text(take(number<uint64_t>())); return;   // BINUNICODE8
      case 'U': push_text(take(number<uint8_t>())); return;     // SHORT_BINSTRING
      case 'T': push_text(take(number<uint32_t>())); return;    // BINSTRING
      case 'B': push_text(take(number<uint32_t>())); return;    // BINBYTES
      case 'C': push_text(take(number<uint8_t>())); return;     // SHORT_BINBYTES
      case ')': push_items(Kind::tuple, {}); return;            // EMPTY_TUPLE
      case 't': push_items(Kind::tuple, since_mark()); return;  // TUPLE
      case 0x85: last(1); return;
      case 0x86: last(2); return;
      case 0x87: last(3); return;
      case ']': push_items(Kind::list, {}); return;            // EMPTY_LIST
      case 'l': push_items(Kind::list, since_mark()); return;  // LIST
      case 'a': {                                              // APPEND
        const size_t item = pop();
        extend(Kind::list, {item});
        return;
      }
      case 'e': {  // APPENDS
        const std::vector<size_t> items = since_mark();
        extend(Kind::list, items);
        return;
      }
      case '}': push_items(Kind::dict, {}); return;  // EMPTY_DICT
      case 'd': {                                    // DICT
        push_items(Kind::dict, since_mark());
        if (values_[top()].items.size() % 2 != 0) fail("a dict has a key without a value");
        return;
      }
      case 's': {  // SETITEM
        const size_t value = pop(), key = pop();
        extend(Kind::dict, {key, value});
        return;
      }
      case 'u': {  // SETITEMS
        const std::vector<size_t> items = since_mark();
        extend(Kind::dict, items);
        return;
      }
      case 'q': put(number<uint8_t>()); return;   // BINPUT
      case 'r': put(number<uint32_t>()); return;  // LONG_BINPUT
      case 0x94: put(memo_.size()); return;       // MEMOIZE
      case 'h': get(number<uint8_t>()); return;   // BINGET
      case 'j': get(number<uint32_t>()); return;  // LONG_BINGET
      case 'c': {                                 // GLOBAL
        const std::string module = line(), name = line();
        global(module, name);
        return;
      }
      case 0x93: {  // STACK_GLOBAL
        const size_t name = pop(), module = pop();
        if (values_[name].kind != Kind::text || values_[module].kind != Kind::text) fail("a name is no text");
        global(std::string(values_[module].text), std::string(values_[name].text));
        return;
      }
      case 'R': {  // REDUCE
        const size_t arguments = pop(), callable = pop();
        if (values_[callable].kind != Kind::global || values_[arguments].kind != Kind::tuple)
          fail("a call of no function");
        push_items(Kind::call, {callable, arguments});
        return;
      }
      case 'Q': {  // BINPERSID
        const size_t id = pop();
        push_items(Kind::persistent, {id});
        return;
      }
      case 'b': pop(); return;  // BUILD: attributes of a state dict (_metadata)
      default:
        fail("the opcode " + std::to_string(op) + " is refused",
             "save the state_dict() alone, or convert the file to safetensors where you trust it.");
    }
  }

  std::string_view bytes_;
  const std::string& name_;
  std::vector<Value>& values_;
  std::vector<size_t> stack_;
  std::unordered_map<uint64_t, size_t> memo_;
  size_t at_ = 0;
};

Pickle::Pickle(std::string_view bytes, const std::string& name) { root_ = Machine(bytes, name, values_).run(); }

}  // namespace gradus
