#pragma once

#include <compare>
#include <string>

namespace stagekeeper::kube {

/// A kind as the API server serves it.
struct ResourceType {
  std::string group;    ///< "" for the core group
  std::string version;  ///< "v1alpha1"
  std::string plural;   ///< "promotionrequests"
  std::string kind;     ///< "PromotionRequest"
  bool namespaced = true;

  /// "v1" or "stagekeeper.dev/v1alpha1".
  [[nodiscard]] std::string api_version() const;

  friend auto operator<=>(const ResourceType&, const ResourceType&) = default;
};

/// Which object of a type. `ns` is empty for cluster-scoped types.
struct ObjectKey {
  std::string ns;
  std::string name;

  /// "ns/name", or "name" for a cluster-scoped object.
  [[nodiscard]] std::string str() const;

  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

}  // namespace stagekeeper::kube
