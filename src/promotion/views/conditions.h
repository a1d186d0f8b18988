#pragma once

#include "model/meta.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::promotion {

enum class Truth { kFalse, kTrue, kUnknown };

/// The conditions of one object's status, of whatever kind: the only place where conditions are
/// made. Texts are cut to what the CRDs allow, and what came from outside is made printable.
class Conditions {
 public:
  /// `generation` is metadata.generation of the spec that they are computed from.
  explicit Conditions(std::int64_t generation) : generation_(generation) {}

  void add(std::string type, Truth truth, std::string reason, std::string_view message);

  void add(std::string type, bool truth, std::string reason, std::string_view message) {
    add(std::move(type), truth ? Truth::kTrue : Truth::kFalse, std::move(reason), message);
  }

  /// Without transition times: status_patch() gives those.
  [[nodiscard]] nlohmann::json json() const;

  [[nodiscard]] const std::vector<Condition>& list() const { return list_; }

 private:
  std::int64_t generation_;
  std::vector<Condition> list_;
};

}  // namespace stagekeeper::promotion
