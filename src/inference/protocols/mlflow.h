#pragma once

#include "inference/protocol.h"

namespace stagekeeper::inference {

/// MLflow's scoring server: `{"dataframe_split": {"columns": […], "data": [[…], …]}}` is answered
/// by `{"predictions": […]}`. It says nothing about the model's version anywhere.
/// Source: MLflow 3 documentation, "Local inference server specification".
extern const Protocol kMlflow;

}  // namespace stagekeeper::inference
