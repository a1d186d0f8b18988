#pragma once

#include "base/result.h"
#include "kube/api.h"
#include "kube/pager.h"
#include "model/decode.h"

#include <optional>
#include <string>
#include <vector>

// Reads by GET or LIST at the API server, never from a cache, and how a write to what was read
// ended.
namespace stagekeeper::live {

/// The object's JSON, or nothing when it does not exist. Errors: those of Api::call but NotFound.
inline Result<std::optional<std::string>> get_json(kube::Api& api, const kube::ResourceType& type,
                                                   const kube::ObjectKey& key) {
  Result<std::string> body = api.call(kube::get_request(type, key));
  if (body) return std::optional(std::move(*body));
  if (body.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
  return tl::unexpected(body.error());
}

/// The object decoded, or nothing when it does not exist. Errors: also Corrupt.
template <typename T>
Result<std::optional<T>> get(kube::Api& api, const kube::ResourceType& type,
                             const kube::ObjectKey& key) {
  Result<std::optional<std::string>> body = get_json(api, type, key);
  if (!body) return tl::unexpected(body.error());
  if (!*body) return std::optional<T>();
  Result<T> decoded = decode<T>(**body);
  if (!decoded) return tl::unexpected(decoded.error());
  return std::optional(std::move(*decoded));
}

/// All objects of a selection. An object that cannot be decoded fails the list: a decision must not
/// be made as if it did not exist. Errors: those of kube::list_all, Corrupt.
template <typename T>
Result<std::vector<T>> list(kube::Api& api, const kube::ListQuery& query) {
  std::vector<T> out;
  const kube::ListSink sink{.begin = [&] { out.clear(); },
                            .item = [&](std::string_view json) -> Status {
                              Result<T> decoded = decode<T>(json);
                              if (!decoded) return tl::unexpected(decoded.error());
                              out.push_back(std::move(*decoded));
                              return {};
                            }};
  Result<std::string> version = kube::list_all(api, query, sink);
  if (!version) return tl::unexpected(version.error());
  return out;
}

/// The outcome of changing or deleting an object: when it is gone already, there is nothing to do.
inline Status unless_gone(const Result<std::string>& answer, const std::string& what) {
  if (answer || answer.error().code == ErrorCode::kNotFound) return {};
  return fail(answer.error(), what);
}

}  // namespace stagekeeper::live
