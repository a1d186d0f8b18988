#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace stagekeeper {

/// A string with a meaning, so that a namespace cannot be passed where a name is expected.
/// `using Uid = NamedType<struct UidTag>;`
template <typename Tag>
class NamedType {
 public:
  NamedType() = default;

  explicit NamedType(std::string value) : value_(std::move(value)) {}

  [[nodiscard]] const std::string& str() const { return value_; }

  [[nodiscard]] bool empty() const { return value_.empty(); }

  friend auto operator<=>(const NamedType&, const NamedType&) = default;

 private:
  std::string value_;
};

}  // namespace stagekeeper

template <typename Tag>
struct std::hash<stagekeeper::NamedType<Tag>> {
  std::size_t operator()(const stagekeeper::NamedType<Tag>& named) const noexcept {
    return std::hash<std::string>()(named.str());
  }
};
