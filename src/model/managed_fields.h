#pragma once

#include "base/result.h"
#include "base/time.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper {

/// A field manager and one field that it owns.
struct FieldOwner {
  std::string manager;
  std::string field;  ///< "spec.template.spec.containers[server].image"
  TimePoint time{};   ///< when it wrote last

  friend bool operator==(const FieldOwner&, const FieldOwner&) = default;
};

/// Whether a manager's ownership of a field, as FieldOwner names both, does not count.
using IgnoredField = std::function<bool(const std::string& manager, const std::string& field)>;

/// Who owns something at or below a path such as {"spec", "selector"}, by metadata.managedFields in
/// the format FieldsV1 (structured-merge-diff): each manager once, with the first of its fields,
/// the latest writer first. Managers of `status` are left out, and so is the annotation that
/// `kubectl rollout restart` sets, which changes nothing that runs, and whatever is `ignored`.
/// Empty where the object does not say. Errors: Corrupt when it is no JSON object.
Result<std::vector<FieldOwner>> owners_below(std::string_view object_json,
                                             const std::vector<std::string>& path,
                                             const IgnoredField& ignored = {});

}  // namespace stagekeeper
