#include "runtime/micro_time.h"

namespace stagekeeper::runtime {

std::string micro_time(TimePoint time) {
  std::string text = format_time(time);
  text.insert(text.size() - 1, ".000000");
  return text;
}

}  // namespace stagekeeper::runtime
