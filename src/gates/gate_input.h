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

/// The largest STAGEKEEPER_GATE_INPUT that is written or read: Linux takes 128 KiB for a variable.
inline constexpr std::size_t kMaxGateInputBytes = std::size_t{96} << 10U;

/// An object or a folder: s3://, https:// or file:///, and the digest that it must have.
struct InputObject {
  std::string uri;
  std::string version = {};  ///< of a dataset, as the policy calls it: for people
  Digest digest;
};

/// How a prediction becomes a score.
struct Scoring {
  std::optional<std::uint64_t> positive_index;  ///< of an array per row: the positive class's place
  std::optional<std::string> path;    ///< of an object per row: JSON Pointer (RFC 6901) to it
  bool higher_means_positive = true;  ///< false: scores are negated
};

/// evaluation.binaryClassification: how predictions are compared with labels.
struct BinaryTask {
  std::string label_column;
  std::string positive_label;  ///< compared with the column's text, byte for byte
  std::vector<std::string> group_columns;
  Scoring scoring;
};

/// How an answer proves which version gave it.
struct VersionProof {
  std::string type = "Pods";  ///< Header, Body, Path or Pods
  std::string header = {};    ///< of type Header: its name
  std::string pointer = {};   ///< of type Body: JSON Pointer to the version in a scoring answer
};

/// How to talk to a model server. What it means is the business of src/inference.
struct Inference {
  std::string protocol = "MLflow";
  std::string scoring_path = {};  ///< with ${model} and ${version}; empty: the protocol's own
  std::string health_path = {};   ///< the same
  VersionProof proof = {};
  std::string output = {};               ///< of OpenInference: which output; empty: the only one
  std::string request_template = {};     ///< of Json
  std::string predictions_pointer = {};  ///< of Json: where the list of predictions stands
  std::string server_name = {};          ///< over https: the name that its certificate must carry
};

/// A server that must serve exactly one version.
struct Endpoint {
  std::string url;  ///< http(s)://host[:port]; of a pod by its address, of a Service by its name
  std::string version;
};

/// Everything one gate Job is told (environment variable STAGEKEEPER_GATE_INPUT). The operator
/// builds it, stagekeeper-gate reads it; no thresholds: the operator judges.
struct GateInput {
  std::string request_uid;
  std::string gate;  ///< name in the policy
  std::string kind;  ///< name of a Kind
  std::uint64_t attempt = 1;
  std::string nonce;  ///< 32 hex digits, new for each attempt
  std::string model;
  std::string version;
  InputObject artifact;                ///< of that version; with the URI exactly in the gate that
                                       ///< verifies it for its evaluation
  std::optional<InputObject> dataset;  ///< needed where Needs::rows
  std::optional<BinaryTask> binary;    ///< needed where Needs::labels
  std::vector<ColumnSpec> features;    ///< the model's signature; needed with a dataset
  Inference inference;
  Endpoint candidate;
  std::optional<Endpoint> champion;
  std::string parameters = "{}";  ///< JSON object: Kind::job_parameters
};

/// The JSON text (canonical, RFC 8785), which parse_gate_input reads back: nothing is written that
/// a gate of this version would refuse. Errors: Invalid, naming the member, also beyond
/// kMaxGateInputBytes and for strings that are no UTF-8.
Result<std::string> gate_input_text(const GateInput& input);

/// Reads and checks the text; unknown members are ignored, so that an older gate image keeps
/// working. Errors: Invalid, naming the member.
Result<GateInput> parse_gate_input(std::string_view text);

}  // namespace stagekeeper::gates
