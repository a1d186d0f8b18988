#pragma once

#include "promotion/world.h"

#include <string>

namespace stagekeeper::promotion {

/// The members of a record that tell whose it is: model, request, requester, action.
RecordContent content_of(const Subject& subject, RecordKind kind);

/// "version 4", or "no version".
std::string version_text(const VersionRef& version);

}  // namespace stagekeeper::promotion
