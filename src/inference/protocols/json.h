#pragma once

#include "inference/protocol.h"

namespace stagekeeper::inference {

/// Any server that takes and gives JSON. The request is a template, a JSON text in which one string
/// that is exactly "${rows}" becomes the list of rows (lists of values in the signature's order) or
/// "${records}" the list of objects by column; "${columns}" becomes the list of names. The answer's
/// list of predictions stands at a JSON Pointer, "" for the answer itself.
extern const Protocol kJson;

}  // namespace stagekeeper::inference
