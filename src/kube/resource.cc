#include "kube/resource.h"

namespace stagekeeper::kube {

std::string ResourceType::api_version() const {
  return group.empty() ? version : group + "/" + version;
}

std::string ObjectKey::str() const {
  return ns.empty() ? name : ns + "/" + name;
}

}  // namespace stagekeeper::kube
