#include "runtime/fence.h"

#include <utility>

namespace stagekeeper::runtime {

Result<std::string> FencedApi::call(const kube::Request& request) {
  if (request.method != "GET" && !fence_.holds())
    return fail(ErrorCode::kCancelled, kube::describe(request) + ": this process leads no longer");
  return api_.call(request);
}

Status FencedApi::watch(const kube::Request& request, const kube::LineSink& sink,
                        std::stop_token stop) {
  return api_.watch(request, sink, std::move(stop));
}

}  // namespace stagekeeper::runtime
