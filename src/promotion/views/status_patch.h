#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "model/meta.h"
#include "promotion/views/conditions.h"

#include <string>
#include <string_view>

namespace stagekeeper::promotion {

/// Puts `fields` (a JSON object as text; null removes) and conditions into a merge patch for
/// `/status`, under the object's uid and resourceVersion, or returns an empty string when
/// `current_json` (the live object) shows all of it. Conditions keep their transition time while
/// their status stays; `now` is that of new ones. Pure.
/// Errors: Corrupt when the object is no JSON object.
Result<std::string> status_patch(const ObjectMeta& meta, const std::string& fields,
                                 const Conditions& conditions, std::string_view current_json,
                                 TimePoint now);

}  // namespace stagekeeper::promotion
