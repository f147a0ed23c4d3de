// `value is …`.
#include <algorithm>

#include "text/jinja/python_text.h"
#include "text/jinja/renderer.h"

namespace gradus::jinja {

namespace {

const Value& other(Arguments& arguments) {
  if (arguments.positional.size() != 1 || !arguments.named.empty()) throw Failure{"the test needs one argument"};
  return arguments.positional[0];
}

int64_t whole(const Value& v) {
  if (!v.is_int()) throw Failure{std::string("the test needs an int, got ") + type_name(v)};
  return v.as_int();
}

int order(Renderer& r, const Value& v, Arguments& a) { return compare(v, other(a), r.meter()); }

bool is_sequence(const Value& v) {
  return v.string() || v.dict() || v.is_undefined() || (v.list() && v.list()->kind <= Sequence::range);
}

struct Entry {
  const char* name;
  Test test;
};

using R = Renderer;
using V = Value;
using A = Arguments;

constexpr Entry kTests[] = {
    {"defined", [](R&, const V& v, A&) { return !v.is_undefined(); }},
    {"undefined", [](R&, const V& v, A&) { return v.is_undefined(); }},
    {"none", [](R&, const V& v, A&) { return v.is_none(); }},
    {"boolean", [](R&, const V& v, A&) { return v.get<bool>() != nullptr; }},
    {"true", [](R&, const V& v, A&) { return v.get<bool>() && *v.get<bool>(); }},
    {"false", [](R&, const V& v, A&) { return v.get<bool>() && !*v.get<bool>(); }},
    {"integer", [](R&, const V& v, A&) { return v.get<int64_t>() != nullptr; }},
    {"float", [](R&, const V& v, A&) { return v.get<double>() != nullptr; }},
    {"number", [](R&, const V& v, A&) { return v.is_number(); }},
    {"string", [](R&, const V& v, A&) { return v.string() != nullptr; }},
    {"mapping", [](R&, const V& v, A&) { return v.dict() != nullptr; }},
    {"sequence", [](R&, const V& v, A&) { return is_sequence(v); }},
    {"iterable", [](R&, const V& v, A&) { return v.list() || v.string() || v.dict() || v.is_undefined() || v.loop(); }},
    {"callable", [](R&, const V& v, A&) { return v.callable() != nullptr; }},
    {"escaped", [](R&, const V&, A&) { return false; }},
    {"lower", [](R& r, const V& v, A&) { return text_is(to_text(v, r.meter()), TextClass::lower); }},
    {"upper", [](R& r, const V& v, A&) { return text_is(to_text(v, r.meter()), TextClass::upper); }},
    {"odd", [](R&, const V& v, A&) { return whole(v) % 2 != 0; }},
    {"even", [](R&, const V& v, A&) { return whole(v) % 2 == 0; }},
    {"divisibleby",
     [](R&, const V& v, A& a) {
       const int64_t by = whole(other(a));
       if (by == 0) throw Failure{"integer modulo by zero"};
       return by == -1 || whole(v) % by == 0;
     }},
    {"in", [](R& r, const V& v, A& a) { return contains(other(a), v, r.meter()); }},
    {"eq", [](R& r, const V& v, A& a) { return equals(v, other(a), r.meter()); }},
    {"==", [](R& r, const V& v, A& a) { return equals(v, other(a), r.meter()); }},
    {"equalto", [](R& r, const V& v, A& a) { return equals(v, other(a), r.meter()); }},
    {"ne", [](R& r, const V& v, A& a) { return !equals(v, other(a), r.meter()); }},
    {"!=", [](R& r, const V& v, A& a) { return !equals(v, other(a), r.meter()); }},
    {"gt", [](R& r, const V& v, A& a) { return order(r, v, a) > 0; }},
    {">", [](R& r, const V& v, A& a) { return order(r, v, a) > 0; }},
    {"greaterthan", [](R& r, const V& v, A& a) { return order(r, v, a) > 0; }},
    {"ge", [](R& r, const V& v, A& a) { return order(r, v, a) >= 0; }},
    {">=", [](R& r, const V& v, A& a) { return order(r, v, a) >= 0; }},
    {"lt", [](R& r, const V& v, A& a) { return order(r, v, a) < 0; }},
    {"<", [](R& r, const V& v, A& a) { return order(r, v, a) < 0; }},
    {"lessthan", [](R& r, const V& v, A& a) { return order(r, v, a) < 0; }},
    {"le", [](R& r, const V& v, A& a) { return order(r, v, a) <= 0; }},
    {"<=", [](R& r, const V& v, A& a) { return order(r, v, a) <= 0; }},
    {"sameas",
     [](R& r, const V& v, A& a) {
       const V& o = other(a);
       if (std::string_view(type_name(v)) != type_name(o)) return false;
       if (v.list()) return v.list() == o.list();
       if (v.dict()) return v.dict() == o.dict();
       return equals(v, o, r.meter());
     }},
    {"filter", [](R&, const V& v, A&) { return v.string() && find_filter(*v.string()); }},
    {"test", [](R&, const V& v, A&) { return v.string() && find_test(*v.string()); }},
};

}  // namespace

Test find_test(std::string_view name) {
  const auto at = std::find_if(std::begin(kTests), std::end(kTests), [&](const Entry& e) { return name == e.name; });
  return at == std::end(kTests) ? nullptr : at->test;
}

}  // namespace gradus::jinja
