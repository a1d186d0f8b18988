#pragma once

#include "model/decode.h"

#include <doctest/doctest.h>

#include <string>

// One valid object of each kind, as the API server gives it, and how to spoil it.
namespace samples {

extern const std::string kHex;  ///< 64 digits
extern const std::string kVersion;
extern const std::string kPolicy;
extern const std::string kTarget;
extern const std::string kRequest;
extern const std::string kApproval;
extern const std::string kGateClass;
extern const std::string kDeployment;

/// An object of ours with this spec and status, as JSON.
std::string object(const std::string& kind, const std::string& spec, const std::string& status);

/// The text with its first `from` replaced; the text itself must contain it.
std::string spoil(std::string text, const std::string& from, const std::string& to);

struct Row {
  std::string from;
  std::string to;
  std::string says;
};

/// Each row spoils one thing of a valid object; the error names the path and what is wrong there.
template <typename T, std::size_t N>
void refuses(const std::string& valid, const Row (&rows)[N]) {
  REQUIRE(stagekeeper::decode<T>(valid));
  for (const Row& row : rows) {
    CAPTURE(row.from);
    CAPTURE(row.to);
    const stagekeeper::Result<T> result = stagekeeper::decode<T>(spoil(valid, row.from, row.to));
    REQUIRE_FALSE(result);
    CHECK(result.error().code == stagekeeper::ErrorCode::kCorrupt);
    CAPTURE(result.error().message);
    CHECK(result.error().message.find(": " + row.says) != std::string::npos);
  }
}

}  // namespace samples
