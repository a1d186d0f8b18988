#pragma once

#include "operator/artifacts/source.h"

#include <optional>

namespace stagekeeper::artifacts {

/// One attempt to read an object over HTTP: checks the answer's head and leaves out of its body
/// what is there already. Its callbacks live as long as it does.
class HttpRead {
 public:
  HttpRead(const artifact::ReadFrom& from, const Begun& begun, const http::BodySink& sink)
      : from_(from), begun_(begun), sink_(sink) {}

  [[nodiscard]] http::HeadSink on_head();
  [[nodiscard]] http::BodySink body_sink();

  /// What the attempt came to, given how the call ended: what was wrong with the head comes first.
  [[nodiscard]] Status outcome(Status ended) const;

 private:
  const artifact::ReadFrom& from_;
  const Begun& begun_;
  const http::BodySink& sink_;
  std::uint64_t skip_bytes_ = 0;
  std::optional<Error> wrong_;
};

}  // namespace stagekeeper::artifacts
