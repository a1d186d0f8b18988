#pragma once

#include "inference/protocol.h"

namespace stagekeeper::inference {

/// The Open Inference Protocol (V2) for tables: one tensor of shape [rows, 1] a column, strings as
/// BYTES, and the request's content_type "pd", by which MLServer makes a table of them and which
/// others ignore. Answers may be flat or nested; a tensor of shape [rows, n] is a list of n a row.
/// Source: https://github.com/open-inference/open-inference-protocol, inference_rest.yaml.
extern const Protocol kOpenInference;

}  // namespace stagekeeper::inference
