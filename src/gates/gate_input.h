#pragma once

#include "base/crypto.h"
#include "base/result.h"
#include "gates/table.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::gates {

/// The largest STAGEKEEPER_GATE_INPUT that is written or read.
inline constexpr std::size_t kMaxGateInputBytes = std::size_t{32} << 10U;

enum class GateType { kAccuracy, kLatency, kFairness, kSmoke };

/// "Accuracy", …: as the CRDs write it.
std::string_view name(GateType type);

/// An object in a store: s3://bucket/key or file:///path, and the digest its bytes must have.
struct InputObject {
  std::string uri;
  std::string version;  ///< of a dataset; empty for the artifact
  Digest digest;
};

/// How a prediction becomes a score.
struct Scoring {
  std::optional<std::uint64_t> positive_index;  ///< of an array per row: the positive class's place
  std::optional<std::string> path;    ///< of an object per row: JSON Pointer (RFC 6901) to it
  bool higher_means_positive = true;  ///< false: scores are negated
};

/// How to talk to a model server.
struct Inference {
  std::string protocol = "MLflow";
  std::string scoring_path = "/invocations";
  std::string health_path = "/ping";
  std::string version_header = "X-Model-Version";
};

/// A server that must serve exactly one version.
struct Endpoint {
  std::string url;  ///< http://host[:port]
  std::string version;
};

struct LatencyInput {
  std::uint64_t samples = 500;
  std::uint64_t warmup = 10;
};

struct SmokeInput {
  std::uint64_t golden_row = 0;
  std::optional<std::string> golden_score;  ///< absent: not compared
};

/// Everything one gate Job is told (environment variable STAGEKEEPER_GATE_INPUT). The operator
/// builds it, stagekeeper-gate reads it; no thresholds: the operator judges.
struct GateInput {
  std::string request_uid;
  std::string gate;  ///< name in the policy
  GateType type = GateType::kAccuracy;
  std::uint64_t attempt = 1;
  std::string nonce;  ///< 32 hex digits, new for each attempt
  std::string model;
  std::string version;
  InputObject dataset;
  InputObject artifact;
  std::string label_column;
  std::string positive_label;  ///< compared with the column's text, byte for byte
  std::vector<std::string> group_columns;
  std::vector<ColumnSpec> features;  ///< the model's signature
  Scoring scoring;
  Inference inference;
  Endpoint candidate;
  std::optional<Endpoint> champion;
  std::optional<LatencyInput> latency;  ///< exactly for kLatency
  std::optional<SmokeInput> smoke;      ///< exactly for kSmoke
};

/// The JSON text (canonical, RFC 8785). Errors: Invalid beyond kMaxGateInputBytes or for strings
/// that are no UTF-8.
Result<std::string> gate_input_text(const GateInput& input);

/// SHA-256 of the text with an empty nonce: equal for every attempt at the same question but for
/// the attempt's number. Errors: as gate_input_text.
Result<Digest> gate_input_digest(const GateInput& input);

/// Reads and checks the text; unknown members are ignored, so that an older gate image keeps
/// working. Errors: Invalid, naming the member.
Result<GateInput> parse_gate_input(std::string_view text);

}  // namespace stagekeeper::gates
