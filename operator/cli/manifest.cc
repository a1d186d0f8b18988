#include "operator/cli/manifest.h"

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <string>

namespace stagekeeper::cli {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
constexpr int kMaxValues = 100000;
constexpr int kMaxDepth = 64;

tl::unexpected<Error> invalid(std::string text) {
  return fail(ErrorCode::kInvalid, "manifest: " + std::move(text));
}

/// A plain scalar by the core schema: a text unless it looks like something else.
nlohmann::json plain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* end = text.data() + text.size();
  std::int64_t whole = 0;
  if (auto [at, error] = std::from_chars(text.data(), end, whole);
      error == std::errc() && at == end)
    return whole;
  double number = 0;
  // What begins with a letter is a text, even "inf" and "nan".
  const bool numeric = std::isdigit(static_cast<unsigned char>(text.back())) != 0 &&
                       std::isalpha(static_cast<unsigned char>(text.front())) == 0;
  if (auto [at, error] = std::from_chars(text.data(), end, number);
      numeric && error == std::errc() && at == end && std::isfinite(number)) {
    return number;
  }
  return text;
}

/// Turns nodes into JSON. Aliases are followed, so the values are counted and not the bytes.
class Converter {
 public:
  Result<nlohmann::json> convert(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth) return invalid(fmt::format("more than {} levels", kMaxDepth));
    if (++values_ > kMaxValues) return invalid(fmt::format("more than {} values", kMaxValues));
    if (node.IsScalar()) {
      const bool quoted = node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
      return quoted ? nlohmann::json(node.Scalar()) : plain(node.Scalar());
    }
    if (node.IsSequence()) {
      auto out = nlohmann::json::array();
      for (const YAML::Node& item : node) {
        SK_TRY(nlohmann::json value, convert(item, depth + 1));
        out.push_back(std::move(value));
      }
      return out;
    }
    if (!node.IsMap()) return nlohmann::json();
    auto out = nlohmann::json::object();
    for (const auto& entry : node) {
      const YAML::Node& key = entry.first;
      if (!key.IsScalar()) return invalid("a key that is no text");
      if (out.contains(key.Scalar()))
        return invalid("key " + key.Scalar().substr(0, 100) + " occurs twice");
      SK_TRY(nlohmann::json value, convert(entry.second, depth + 1));
      out[key.Scalar()] = std::move(value);
    }
    return out;
  }

 private:
  int values_ = 0;
};

}  // namespace

Result<std::vector<nlohmann::json>> read_manifest(std::string_view text) {
  if (text.size() > kMaxBytes) return invalid("larger than 1 MiB");
  std::vector<nlohmann::json> out;
  try {
    Converter converter;
    for (const YAML::Node& document : YAML::LoadAll(std::string(text))) {
      if (document.IsNull()) continue;
      if (!document.IsMap()) return invalid("a document that is no object");
      SK_TRY(nlohmann::json object, converter.convert(document, 0));
      out.push_back(std::move(object));
    }
  } catch (const YAML::Exception& e) {
    return invalid(e.what());
  }
  return out;
}

}  // namespace stagekeeper::cli
