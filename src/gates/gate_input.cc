#include "gates/gate_input.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "base/text.h"
#include "gates/kind.h"
#include "gates/object_reader.h"
#include "gates/parameters.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::gates {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSchema = 3;
// Bytes for the 256 characters that the CRDs take at most, of up to 4 bytes each.
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxUri = 8192;
constexpr std::size_t kMaxTemplate = std::size_t{16} << 10U;
constexpr std::size_t kMaxFeatures = 200;
constexpr std::size_t kMaxGroupColumns = 16;
constexpr std::uint64_t kMaxAttempt = 1000;
constexpr std::uint64_t kMaxPositiveIndex = 10'000;
constexpr std::size_t kMaxShown = 64;

json to_json(const InputObject& object) {
  json out{{"digest", object.digest.str()}};
  if (!object.uri.empty()) out["uri"] = object.uri;
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

json to_json(const Inference& inference) {
  json out{{"protocol", inference.protocol}, {"versionProof", {{"type", inference.proof.type}}}};
  const auto set = [](json& into, const char* key, const std::string& text) {
    if (!text.empty()) into[key] = text;
  };
  set(out["versionProof"], "header", inference.proof.header);
  set(out["versionProof"], "pointer", inference.proof.pointer);
  set(out, "scoringPath", inference.scoring_path);
  set(out, "healthPath", inference.health_path);
  set(out, "output", inference.output);
  set(out, "template", inference.request_template);
  set(out, "predictions", inference.predictions_pointer);
  set(out, "serverName", inference.server_name);
  return out;
}

json to_json(const BinaryTask& task) {
  return json{{"labelColumn", task.label_column},
              {"positiveLabel", task.positive_label},
              {"groupColumns", task.group_columns},
              {"scoring", to_json(task.scoring)}};
}

Result<json> to_json(const GateInput& input) {
  json out{{"schema", kSchema},
           {"requestUid", input.request_uid},
           {"gate", input.gate},
           {"kind", input.kind},
           {"attempt", input.attempt},
           {"nonce", input.nonce},
           {"model", input.model},
           {"version", input.version},
           {"artifact", to_json(input.artifact)},
           {"features", json::array()},
           {"inference", to_json(input.inference)},
           {"candidate", to_json(input.candidate)}};
  for (const ColumnSpec& feature : input.features) {
    out["features"].push_back(
        {{"name", feature.name}, {"type", name(feature.type)}, {"required", feature.required}});
  }
  if (input.dataset) out["dataset"] = to_json(*input.dataset);
  if (input.binary) out["binaryClassification"] = to_json(*input.binary);
  if (input.champion) out["champion"] = to_json(*input.champion);
  Result<json> parameters = parse_strict_json(input.parameters, kMaxParameterBytes);
  if (!parameters) return tl::unexpected(std::move(parameters).error());
  out["parameters"] = *std::move(parameters);
  return out;
}

/// "sha256:…", or a problem.
Digest read_digest(ObjectReader& reader, const char* key) {
  Digest out(reader.text(key, kMaxText));
  if (!is_digest(out.str())) {
    reader.problem("BadValue",
                   fmt::format("{} is not sha256: and 64 hex digits", reader.path(key)));
  }
  return out;
}

std::optional<InputObject> read_dataset(ObjectReader& reader) {
  const json* found = reader.member("dataset", true);
  if (found == nullptr) return std::nullopt;
  ObjectReader inner(*found, "dataset");
  InputObject out;
  out.uri = inner.text("uri", kMaxUri);
  out.version = inner.optional_text("version", kMaxText).value_or("");
  out.digest = read_digest(inner, "digest");
  reader.adopt(inner);
  return out;
}

/// The URI is absent where another gate of the evaluation verifies the artifact.
InputObject read_artifact(ObjectReader& reader) {
  InputObject out;
  const json* found = reader.member("artifact");
  if (found == nullptr) return out;
  ObjectReader inner(*found, "artifact");
  out.uri = inner.optional_text("uri", kMaxUri).value_or("");
  out.digest = read_digest(inner, "digest");
  reader.adopt(inner);
  return out;
}

Endpoint read_endpoint(ObjectReader& reader, const char* key) {
  Endpoint out;
  const json* found = reader.member(key);
  if (found == nullptr) return out;
  ObjectReader inner(*found, key);
  out.url = inner.text("url", kMaxText);
  out.version = inner.text("version", kMaxText);
  reader.adopt(inner);
  return out;
}

Scoring read_scoring(ObjectReader& reader) {
  Scoring out;
  const json* found = reader.member("scoring", true);
  if (found == nullptr) return out;
  ObjectReader inner(*found, "scoring");
  out.positive_index = inner.optional_number("positiveIndex", kMaxPositiveIndex);
  out.path = inner.optional_text("path", kMaxText);
  const std::string direction = inner.optional_text("higherMeans", kMaxText).value_or("Positive");
  out.higher_means_positive = direction == "Positive";
  if (direction != "Positive" && direction != "Negative")
    inner.problem("BadValue", "scoring.higherMeans is neither Positive nor Negative");
  if (out.positive_index && out.path)
    inner.problem("BadValue", "scoring has both positiveIndex and path");
  if (out.path && (out.path->empty() || !is_json_pointer(*out.path)))
    inner.problem("BadValue", "scoring.path is no JSON Pointer such as /probabilities/1");
  reader.adopt(inner);
  return out;
}

Inference read_inference(ObjectReader& reader) {
  Inference out;
  const json* found = reader.member("inference");
  if (found == nullptr) return out;
  ObjectReader inner(*found, "inference");
  out.protocol = inner.text("protocol", kMaxText);
  const auto text = [&](const char* member, std::size_t max_bytes) {
    return inner.optional_text(member, max_bytes).value_or("");
  };
  out.scoring_path = text("scoringPath", kMaxText);
  out.health_path = text("healthPath", kMaxText);
  out.output = text("output", kMaxText);
  out.request_template = text("template", kMaxTemplate);
  out.predictions_pointer = text("predictions", kMaxText);
  out.server_name = text("serverName", kMaxText);
  if (const json* proof = inner.member("versionProof")) {
    ObjectReader member(*proof, "inference.versionProof");
    out.proof.type = member.text("type", kMaxText);
    out.proof.header = member.optional_text("header", kMaxText).value_or("");
    out.proof.pointer = member.optional_text("pointer", kMaxText).value_or("");
    inner.adopt(member);
  }
  reader.adopt(inner);
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
    if (!element.is_string() || element.get_ref<const std::string&>().size() > kMaxText) {
      reader.problem("BadValue", "groupColumns has something else than names");
      return out;
    }
    out.push_back(element.get<std::string>());
  }
  return out;
}

std::optional<BinaryTask> read_binary(ObjectReader& reader) {
  const json* found = reader.member("binaryClassification", true);
  if (found == nullptr) return std::nullopt;
  ObjectReader inner(*found, "binaryClassification");
  BinaryTask out;
  out.label_column = inner.text("labelColumn", kMaxText);
  out.positive_label = inner.text("positiveLabel", kMaxText);
  out.group_columns = read_group_columns(inner);
  out.scoring = read_scoring(inner);
  if (out.label_column.empty()) inner.problem("BadValue", "labelColumn is empty");
  reader.adopt(inner);
  return out;
}

std::vector<ColumnSpec> read_features(ObjectReader& reader) {
  std::vector<ColumnSpec> out;
  const json* found = reader.member("features");
  if (found == nullptr) return out;
  if (!found->is_array() || found->size() > kMaxFeatures) {
    reader.problem("BadValue", fmt::format("features is not a list of at most {}", kMaxFeatures));
    return out;
  }
  for (const json& element : *found) {
    ObjectReader inner(element, "features");
    ColumnSpec spec;
    spec.name = inner.text("name", kMaxText);
    const std::optional<ColumnType> type = column_type(inner.text("type", kMaxText));
    if (!type) inner.problem("BadValue", "features: a type that is not known");
    spec.type = type.value_or(ColumnType::kString);
    spec.required = !inner.has("required") || inner.boolean("required");
    reader.adopt(inner);
    out.push_back(std::move(spec));
  }
  return out;
}

/// What the kind must be told.
void check_needs(ObjectReader& reader, const GateInput& input) {
  const Kind* kind = find_kind(input.kind);
  if (kind == nullptr) {
    reader.problem("BadValue",
                   "kind is none that this version measures: " + printable(input.kind, kMaxShown));
    return;
  }
  const Needs& needs = kind->needs;
  if (needs.rows && !input.dataset)
    reader.problem("MissingField",
                   fmt::format("dataset: a gate of kind {} needs rows", kind->name));
  if (needs.labels && !input.binary) {
    reader.problem("MissingField",
                   fmt::format("binaryClassification: a gate of kind {} needs labels", kind->name));
  }
  if (needs.groups && (!input.binary || input.binary->group_columns.empty())) {
    reader.problem("BadValue",
                   fmt::format("groupColumns: a gate of kind {} needs at least one", kind->name));
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
      {"candidate.version", input.candidate.version},
      {"champion.version", input.champion ? input.champion->version : input.version}};
  for (const auto& [key, text] : needed)
    if (text.empty()) reader.problem("BadValue", fmt::format("{} is empty", key));
  if (input.dataset && input.features.empty())
    reader.problem("BadValue", "features: the model takes nothing of the dataset");
  const bool leaks = input.binary && std::ranges::find(input.features, input.binary->label_column,
                                                       &ColumnSpec::name) != input.features.end();
  if (leaks) reader.problem("BadValue", "features: the label column is an input of the model");
  check_needs(reader, input);
}

}  // namespace

Result<std::string> gate_input_text(const GateInput& input) {
  const Result<json> out = to_json(input);
  if (!out) return fail(out.error(), "gate input: parameters");
  Result<std::string> text = canonical_json(*out);
  if (!text) return fail(std::move(text).error(), "gate input");
  if (text->size() > kMaxGateInputBytes) {
    return fail(ErrorCode::kInvalid, fmt::format("gate input of {} bytes, at most {}: the model's "
                                                 "signature has too many or too long names",
                                                 text->size(), kMaxGateInputBytes));
  }
  SK_CHECK_OK(parse_gate_input(*text));
  return text;
}

Result<GateInput> parse_gate_input(std::string_view text) {
  const Result<json> parsed = parse_strict_json(text, kMaxGateInputBytes);
  if (!parsed) return fail(parsed.error(), "gate input");
  ObjectReader reader(*parsed, "");
  GateInput out;
  if (reader.number("schema", kMaxAttempt) != kSchema)
    reader.problem("UnsupportedSchema",
                   fmt::format("schema: this version reads schema {}", kSchema));
  out.request_uid = reader.text("requestUid", kMaxText);
  out.gate = reader.text("gate", kMaxText);
  out.kind = reader.text("kind", kMaxText);
  out.attempt = reader.number("attempt", kMaxAttempt);
  out.nonce = reader.text("nonce", kMaxText);
  out.model = reader.text("model", kMaxText);
  out.version = reader.text("version", kMaxText);
  out.artifact = read_artifact(reader);
  out.dataset = read_dataset(reader);
  out.binary = read_binary(reader);
  out.features = read_features(reader);
  out.inference = read_inference(reader);
  out.candidate = read_endpoint(reader, "candidate");
  if (reader.has("champion")) out.champion = read_endpoint(reader, "champion");
  if (const json* parameters = reader.member("parameters")) {
    if (!parameters->is_object()) reader.problem("BadValue", "parameters is not an object");
    out.parameters = parameters->dump();
  }
  check(reader, out);
  if (const std::optional<Reason>& problem = reader.problem(); problem)
    return fail(ErrorCode::kInvalid, "gate input: " + problem->message);
  return out;
}

}  // namespace stagekeeper::gates
