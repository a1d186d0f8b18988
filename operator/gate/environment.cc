#include "operator/gate/environment.h"

#include <cstdlib>

namespace stagekeeper::gate {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value == nullptr ? "" : value;
  // `echo key | base64` makes a Secret whose value ends with a line break, which is no part of it.
  while (out.ends_with('\n') || out.ends_with('\r'))
    out.pop_back();
  return out;
}

}  // namespace stagekeeper::gate
