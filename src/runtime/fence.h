#pragma once

#include "kube/api.h"

#include <stop_token>
#include <string>

namespace stagekeeper::runtime {

/// Port: whether this process may still act as leader. Thread-safe and cheap.
///
/// Ask right before an effect, with whatever was decided in hand. It keeps a process that was
/// paused or cut off from acting on an old decision; it is no proof, because the answer may be old
/// when the effect arrives: writes carry their own preconditions all the same.
class Fence {
 public:
  Fence() = default;
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;
  Fence(Fence&&) = delete;
  Fence& operator=(Fence&&) = delete;
  virtual ~Fence() = default;

  [[nodiscard]] virtual bool holds() const = 0;
};

/// An API through which nothing but a leader writes: a request other than GET is Cancelled, unsent,
/// when the fence does not hold. Thread-safe; both references must outlive it.
class FencedApi final : public kube::Api {
 public:
  FencedApi(kube::Api& api, const Fence& fence) : api_(api), fence_(fence) {}

  Result<std::string> call(const kube::Request& request) override;
  Status watch(const kube::Request& request, const kube::LineSink& sink,
               std::stop_token stop) override;

 private:
  kube::Api& api_;
  const Fence& fence_;
};

}  // namespace stagekeeper::runtime
