#include "gates/gate_input.h"

#include "base/canonical_json.h"
#include "gates/object_reader.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSchema = 1;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxFeatures = 200;
constexpr std::size_t kMaxGroupColumns = 16;
constexpr std::uint64_t kMaxAttempt = 1000;
constexpr std::uint64_t kMaxSamples = 5000;
constexpr std::uint64_t kMaxWarmup = 1000;
constexpr std::uint64_t kMaxRow = 1'000'000;
constexpr std::uint64_t kMaxPositiveIndex = 10'000;

constexpr std::array<std::pair<GateType, std::string_view>, 4> kTypes{
    {{GateType::kAccuracy, "Accuracy"},
     {GateType::kLatency, "Latency"},
     {GateType::kFairness, "Fairness"},
     {GateType::kSmoke, "Smoke"}}};

json to_json(const InputObject& object) {
  json out{{"uri", object.uri}, {"digest", object.digest.str()}};
  if (!object.version.empty()) out["version"] = object.version;
  return out;
}

json to_json(const Scoring& scoring) {
  json out{{"higherMeans", scoring.higher_means_positive ? "Positive" : "Negative"}};
  if (scoring.positive_index) out["positiveIndex"] = *scoring.positive_index;
  if (scoring.path) out["path"] = *scoring.path;
  return out;
}

json to_json(const Endpoint& endpoint) {
  return json{{"url", endpoint.url}, {"version", endpoint.version}};
}

json to_json(const GateInput& input) {
  json out{{"schema", kSchema},
           {"requestUid", input.request_uid},
           {"gate", input.gate},
           {"type", name(input.type)},
           {"attempt", input.attempt},
           {"nonce", input.nonce},
           {"model", input.model},
           {"version", input.version},
           {"dataset", to_json(input.dataset)},
           {"artifact", to_json(input.artifact)},
           {"labelColumn", input.label_column},
           {"positiveLabel", input.positive_label},
           {"groupColumns", input.group_columns},
           {"features", json::array()},
           {"scoring", to_json(input.scoring)},
           {"inference",
            {{"protocol", input.inference.protocol},
             {"scoringPath", input.inference.scoring_path},
             {"healthPath", input.inference.health_path},
             {"versionHeader", input.inference.version_header}}},
           {"candidate", to_json(input.candidate)}};
  for (const ColumnSpec& feature : input.features) {
    out["features"].push_back(
        {{"name", feature.name}, {"type", name(feature.type)}, {"required", feature.required}});
  }
  if (input.champion) out["champion"] = to_json(*input.champion);
  if (input.latency)
    out["latency"] = {{"samples", input.latency->samples}, {"warmup", input.latency->warmup}};
  if (input.type == GateType::kFairness) out["fairness"] = json::object();
  if (input.smoke) {
    out["smoke"] = {{"goldenRow", input.smoke->golden_row}};
    if (input.smoke->golden_score) out["smoke"]["goldenScore"] = *input.smoke->golden_score;
  }
  return out;
}

InputObject read_object(ObjectReader& reader, const char* key) {
  InputObject out;
  const json* found = reader.member(key);
  if (found == nullptr) return out;
  ObjectReader inner(*found, key);
  out.uri = inner.text("uri", kMaxText);
  out.version = inner.optional_text("version", kMaxName).value_or("");
  out.digest = Digest(inner.text("digest", kMaxName));
  if (!is_digest(out.digest.str())) {
    inner.problem("BadValue", fmt::format("{}.digest is not sha256: and 64 hex digits", key));
  }
  reader.adopt(inner);
  return out;
}

Endpoint read_endpoint(ObjectReader& reader, const char* key) {
  Endpoint out;
  const json* found = reader.member(key);
  if (found == nullptr) return out;
  ObjectReader inner(*found, key);
  out.url = inner.text("url", kMaxText);
  out.version = inner.text("version", kMaxName);
  reader.adopt(inner);
  return out;
}

/// RFC 6901: "/" before each part, and "~" only as "~0" or "~1".
bool is_json_pointer(std::string_view text) {
  if (!text.starts_with('/')) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '~') continue;
    if (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1')) return false;
  }
  return true;
}

Scoring read_scoring(ObjectReader& reader) {
  Scoring out;
  const json* found = reader.member("scoring", true);
  if (found == nullptr) return out;
  ObjectReader inner(*found, "scoring");
  out.positive_index = inner.optional_number("positiveIndex", kMaxPositiveIndex);
  out.path = inner.optional_text("path", kMaxName);
  const std::string direction = inner.optional_text("higherMeans", kMaxName).value_or("Positive");
  out.higher_means_positive = direction == "Positive";
  if (direction != "Positive" && direction != "Negative")
    inner.problem("BadValue", "scoring.higherMeans is neither Positive nor Negative");
  if (out.positive_index && out.path)
    inner.problem("BadValue", "scoring has both positiveIndex and path");
  if (out.path && !is_json_pointer(*out.path))
    inner.problem("BadValue", "scoring.path is no JSON Pointer such as /probabilities/1");
  reader.adopt(inner);
  return out;
}

Inference read_inference(ObjectReader& reader) {
  Inference out;
  const json* found = reader.member("inference");
  if (found == nullptr) return out;
  ObjectReader inner(*found, "inference");
  out.protocol = inner.text("protocol", kMaxName);
  out.scoring_path = inner.text("scoringPath", kMaxText);
  out.health_path = inner.text("healthPath", kMaxText);
  out.version_header = inner.text("versionHeader", kMaxName);
  if (out.protocol != "MLflow")
    inner.problem("BadValue", "inference.protocol: this version speaks MLflow only");
  if (!out.scoring_path.starts_with('/') || !out.health_path.starts_with('/'))
    inner.problem("BadValue", "inference: a path does not begin with /");
  reader.adopt(inner);
  return out;
}

std::vector<ColumnSpec> read_features(ObjectReader& reader) {
  std::vector<ColumnSpec> out;
  const json* found = reader.member("features");
  if (found == nullptr) return out;
  if (!found->is_array() || found->empty() || found->size() > kMaxFeatures) {
    reader.problem("BadValue", fmt::format("features is not a list of 1 to {}", kMaxFeatures));
    return out;
  }
  for (const json& element : *found) {
    ObjectReader inner(element, "features");
    ColumnSpec spec;
    spec.name = inner.text("name", kMaxName);
    const std::optional<ColumnType> type = column_type(inner.text("type", kMaxName));
    if (!type) inner.problem("BadValue", "features: a type that is not known");
    spec.type = type.value_or(ColumnType::kString);
    spec.required = !inner.has("required") || inner.boolean("required");
    reader.adopt(inner);
    out.push_back(std::move(spec));
  }
  return out;
}

std::vector<std::string> read_group_columns(ObjectReader& reader) {
  std::vector<std::string> out;
  const json* found = reader.member("groupColumns", true);
  if (found == nullptr) return out;
  if (!found->is_array() || found->size() > kMaxGroupColumns) {
    reader.problem("BadValue",
                   fmt::format("groupColumns is not a list of at most {}", kMaxGroupColumns));
    return out;
  }
  for (const json& element : *found) {
    if (!element.is_string() || element.get_ref<const std::string&>().size() > kMaxName) {
      reader.problem("BadValue", "groupColumns has something else than names");
      return out;
    }
    out.push_back(element.get<std::string>());
  }
  return out;
}

/// The members that belong to one type of gate.
void read_parameters(ObjectReader& reader, GateInput& input) {
  if (const json* found = reader.member("latency", input.type != GateType::kLatency)) {
    ObjectReader inner(*found, "latency");
    input.latency = LatencyInput{.samples = inner.number("samples", kMaxSamples),
                                 .warmup = inner.number("warmup", kMaxWarmup)};
    reader.adopt(inner);
  }
  if (const json* found = reader.member("smoke", input.type != GateType::kSmoke)) {
    ObjectReader inner(*found, "smoke");
    input.smoke = SmokeInput{.golden_row = inner.number("goldenRow", kMaxRow),
                             .golden_score = inner.optional_text("goldenScore", kMaxName)};
    reader.adopt(inner);
  }
}

/// Rules across members, and texts that must not be empty: an empty version would equal the header
/// that a server does not send.
void check(ObjectReader& reader, const GateInput& input) {
  const std::pair<const char*, const std::string&> needed[] = {
      {"requestUid", input.request_uid},
      {"gate", input.gate},
      {"nonce", input.nonce},
      {"version", input.version},
      {"labelColumn", input.label_column},
      {"candidate.version", input.candidate.version},
      {"champion.version", input.champion ? input.champion->version : input.version}};
  for (const auto& [key, text] : needed)
    if (text.empty()) reader.problem("BadValue", fmt::format("{} is empty", key));
  const bool leaks =
      std::any_of(input.features.begin(), input.features.end(),
                  [&](const ColumnSpec& feature) { return feature.name == input.label_column; });
  if (leaks) reader.problem("BadValue", "features: the label column is an input of the model");
  if (input.type == GateType::kFairness && input.group_columns.empty())
    reader.problem("BadValue", "groupColumns: a Fairness gate needs at least one");
}

}  // namespace

std::string_view name(GateType type) {
  for (const auto& [known, text] : kTypes)
    if (known == type) return text;
  return "Unknown";
}

Result<std::string> gate_input_text(const GateInput& input) {
  Result<std::string> text = canonical_json(to_json(input));
  if (!text) return fail(std::move(text).error(), "gate input");
  if (text->size() > kMaxGateInputBytes) {
    return fail(ErrorCode::kInvalid, fmt::format("gate input of {} bytes, at most {}: the model's "
                                                 "signature has too many or too long names",
                                                 text->size(), kMaxGateInputBytes));
  }
  return text;
}

Result<Digest> gate_input_digest(const GateInput& input) {
  GateInput anonymous = input;
  anonymous.nonce.clear();
  const Result<std::string> text = gate_input_text(anonymous);
  if (!text) return tl::unexpected(text.error());
  return sha256_digest(*text);
}

Result<GateInput> parse_gate_input(std::string_view text) {
  const Result<json> parsed = parse_strict_json(text, kMaxGateInputBytes);
  if (!parsed) return fail(parsed.error(), "gate input");
  ObjectReader reader(*parsed, "");
  GateInput out;
  if (reader.number("schema", kMaxRow) != kSchema)
    reader.problem("UnsupportedSchema", "schema: this version reads schema 1");
  out.request_uid = reader.text("requestUid", kMaxName);
  out.gate = reader.text("gate", kMaxName);
  const std::string type = reader.text("type", kMaxName);
  const auto* const known =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& e) { return e.second == type; });
  if (known == kTypes.end()) {
    reader.problem("BadValue", "type is none of Accuracy, Latency, Fairness, Smoke");
  } else {
    out.type = known->first;
  }
  out.attempt = reader.number("attempt", kMaxAttempt);
  out.nonce = reader.text("nonce", kMaxName);
  out.model = reader.text("model", kMaxName);
  out.version = reader.text("version", kMaxName);
  out.dataset = read_object(reader, "dataset");
  out.artifact = read_object(reader, "artifact");
  out.label_column = reader.text("labelColumn", kMaxName);
  out.positive_label = reader.text("positiveLabel", kMaxName);
  out.group_columns = read_group_columns(reader);
  out.features = read_features(reader);
  out.scoring = read_scoring(reader);
  out.inference = read_inference(reader);
  out.candidate = read_endpoint(reader, "candidate");
  if (reader.has("champion")) out.champion = read_endpoint(reader, "champion");
  read_parameters(reader, out);
  check(reader, out);
  if (const std::optional<Reason>& problem = reader.problem(); problem)
    return fail(ErrorCode::kInvalid, "gate input: " + problem->message);
  return out;
}

}  // namespace stagekeeper::gates
