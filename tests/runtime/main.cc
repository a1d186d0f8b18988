#define DOCTEST_CONFIG_IMPLEMENT
#include "base/log.h"

#include <doctest/doctest.h>

int main(int argc, char** argv) {
  // What is provoked here would fill the screen with warnings.
  stagekeeper::set_log_level(stagekeeper::LogLevel::kError);
  return doctest::Context(argc, argv).run();
}
