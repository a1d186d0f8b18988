#pragma once

#include <chrono>

namespace stagekeeper::promotion {

/// How long to wait after the attempt of that number (1, 2, …) ended in technical trouble, so that
/// a store or registry that is away for a minute does not use up every attempt: 10 s, 60 s, then
/// 10 min.
constexpr std::chrono::seconds spacing_after(int attempt) {
  if (attempt <= 1) return std::chrono::seconds(10);
  return attempt == 2 ? std::chrono::seconds(60) : std::chrono::minutes(10);
}

}  // namespace stagekeeper::promotion
