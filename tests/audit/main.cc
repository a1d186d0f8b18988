#define DOCTEST_CONFIG_IMPLEMENT
#include "base/log.h"

#include <doctest/doctest.h>

int main(int argc, char** argv) {
  // The ledger tells about pending records that it drops; here they are the point.
  stagekeeper::set_log_level(stagekeeper::LogLevel::kError);
  return doctest::Context(argc, argv).run();
}
