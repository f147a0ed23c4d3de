#include "base/json.h"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace gradus {

namespace {

/// Builds the tree as the parser reads. nlohmann's own builder looks a new key up among all before it, so that an
/// object of n keys costs n^2; here keys are appended, and a set per large object finds those that stand twice.
class TreeBuilder {
 public:
  TreeBuilder(const std::string& name, Json& root) : name_(name), root_(root) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(Json::number_integer_t value) { return put(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return put(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return put(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(size_t) { return open(Json::object()); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_object() { return open_.pop_back(), true; }
  bool end_array() { return open_.pop_back(), true; }

  bool key(std::string& key) {
    Level& level = open_.back();
    auto& members = level.value->get_ref<Json::object_t&>();
    constexpr size_t kFew = 16;
    bool twice = false;
    if (members.size() < kFew) {
      for (const auto& member : members) twice = twice || member.first == key;
    } else {
      if (members.size() == kFew)
        for (const auto& member : members) level.keys.insert(member.first);
      twice = !level.keys.insert(key).second;
    }
    if (twice) throw FileError("json", name_ + ": the key \"" + key + "\" stands twice in one object.");
    members.emplace_back(std::move(key), nullptr);
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception& e) {
    throw FileError("json", name_ + ": " + e.what() + ".", "the file must hold one valid JSON document.");
  }

 private:
  struct Level {
    Json* value;
    std::unordered_set<std::string> keys;
  };

  Json* add(Json&& value) {
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back().value;
    if (parent.is_array()) return &parent.get_ref<Json::array_t&>().emplace_back(std::move(value));
    return &(parent.get_ref<Json::object_t&>().back().second = std::move(value));
  }
  bool put(Json&& value) { return add(std::move(value)), true; }
  bool open(Json&& value) {
    constexpr size_t kMaxDepth = 128;
    if (open_.size() >= kMaxDepth) throw FileError("json", name_ + ": nested deeper than 128 levels.");
    open_.push_back({add(std::move(value)), {}});
    return true;
  }

  const std::string& name_;
  Json& root_;
  std::vector<Level> open_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& name) {
  Json root;
  TreeBuilder builder(name, root);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return root;
}

Json read_json(const std::filesystem::path& path) { return parse_json(read_file(path), path.string()); }

void write_json(const std::filesystem::path& path, const Json& json) {
  write_file_atomic(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string dump_json(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace gradus
