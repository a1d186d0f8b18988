#pragma once

#include "kube/api.h"
#include "kube/pager.h"
#include "kube/request.h"
#include "model/decode.h"
#include "model/resource.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

// The API server in the types of src/model: which address an object has follows from its type.
namespace stagekeeper::kube {

/// Where objects of type T are served.
template <typename T>
ResourceType type_of() {
  using Of = Resource<T>;
  return {.group = std::string(Of::group),
          .version = std::string(Of::version),
          .plural = std::string(Of::plural),
          .kind = std::string(Of::kind),
          .namespaced = Of::namespaced};
}

/// What one GET found: the object and the text it was read from, for digests and views.
template <typename T>
struct Read {
  T object;
  std::string json;
};

/// Whether a write ended as wanted although its object is gone: there is nothing left to do.
inline Status unless_gone(const Result<std::string>& answer) {
  if (answer || answer.error().code == ErrorCode::kNotFound) return {};
  return tl::unexpected(answer.error());
}

/// Live calls for objects of one kind, never a cache. Texts of errors name verb and object.
/// Thread-safe if the Api is; the Api must outlive it.
template <typename T>
class Objects {
 public:
  explicit Objects(Api& api) : api_(api), type_(type_of<T>()) {}

  /// Nothing when it does not exist. Errors: those of Api::call but NotFound.
  [[nodiscard]] Result<std::optional<std::string>> get_json(const ObjectKey& key) const {
    Result<std::string> body = api_.call(get_request(type_, key));
    if (body) return std::optional(std::move(*body));
    if (body.error().code == ErrorCode::kNotFound) return std::optional<std::string>();
    return tl::unexpected(std::move(body.error()));
  }

  /// The object with its text. Errors: also Corrupt.
  [[nodiscard]] Result<std::optional<Read<T>>> read(const ObjectKey& key) const {
    SK_TRY(std::optional<std::string> json, get_json(key));
    if (!json) return std::optional<Read<T>>();
    SK_TRY(T object, decode<T>(*json));
    return std::optional(Read<T>{std::move(object), std::move(*json)});
  }

  /// The object alone. Errors: also Corrupt.
  [[nodiscard]] Result<std::optional<T>> get(const ObjectKey& key) const {
    SK_TRY(std::optional<std::string> json, get_json(key));
    if (!json) return std::optional<T>();
    SK_TRY(T object, decode<T>(*json));
    return std::optional(std::move(object));
  }

  /// All objects of a selection. One that cannot be decoded fails the list: nothing may be decided
  /// as if it did not exist. Errors: those of list_all, Corrupt.
  [[nodiscard]] Result<std::vector<T>> list(const std::string& ns,
                                            const Selection& selection = {}) const {
    return list_as<T>(ns, selection);
  }

  /// The same with the texts that they were read from.
  [[nodiscard]] Result<std::vector<Read<T>>> list_read(const std::string& ns,
                                                       const Selection& selection) const {
    std::vector<Read<T>> out;
    const ListSink sink{.begin = [&] { out.clear(); },
                        .item = [&](std::string_view json) -> Status {
                          SK_TRY(T object, decode<T>(json));
                          out.push_back({std::move(object), std::string(json)});
                          return {};
                        }};
    SK_CHECK_OK(list_all(api_, {.type = type_, .ns = ns, .selection = selection}, sink));
    return out;
  }

  /// The same, of which only the metadata is read.
  [[nodiscard]] Result<std::vector<AnyObject>> list_heads(const std::string& ns,
                                                          const Selection& selection) const {
    return list_as<AnyObject>(ns, selection);
  }

  /// The metadata of one object alone: for those that need not be well-formed otherwise.
  [[nodiscard]] Result<std::optional<ObjectMeta>> head(const ObjectKey& key) const {
    SK_TRY(std::optional<std::string> json, get_json(key));
    if (!json) return std::optional<ObjectMeta>();
    SK_TRY(AnyObject object, decode<AnyObject>(*json));
    return std::optional(std::move(object.meta));
  }

  /// Returns the text of what was made. Errors: AlreadyExists among those of Api::call.
  Result<std::string> create(const std::string& ns, std::string body) const {
    return api_.call(create_request(type_, ns, std::move(body)));
  }

  /// Whether it could be made: the same as a dry run.
  Result<std::string> try_create(const std::string& ns, std::string body) const {
    return api_.call(create_request(type_, ns, std::move(body), true));
  }

  /// Server-side apply, see apply_request().
  Result<std::string> apply(const ObjectKey& key, const ApplyOptions& options,
                            std::string body) const {
    return api_.call(apply_request(type_, key, options, std::move(body)));
  }

  /// Merge patch of `/status`, see merge_patch_request().
  Result<std::string> patch_status(const ObjectKey& key, std::string body) const {
    return api_.call(merge_patch_request(type_, key, "status", std::move(body)));
  }

  /// Merge patch of the object itself, see merge_patch_request().
  Result<std::string> patch(const ObjectKey& key, std::string body) const {
    return api_.call(merge_patch_request(type_, key, "", std::move(body)));
  }

  /// Deletes the object under its uid. Gone already, or replaced by another object of that name
  /// (Conflict): the one that was meant does not exist, which is success.
  [[nodiscard]] Status remove(const ObjectKey& key, const std::string& uid) const {
    const Result<std::string> answer =
        api_.call(delete_request(type_, key, {.uid = uid, .resource_version = ""}));
    if (!answer && answer.error().code == ErrorCode::kConflict) return {};
    return unless_gone(answer);
  }

 private:
  template <typename U>
  [[nodiscard]] Result<std::vector<U>> list_as(const std::string& ns,
                                               const Selection& selection) const {
    std::vector<U> out;
    const ListSink sink{.begin = [&] { out.clear(); },
                        .item = [&](std::string_view json) -> Status {
                          SK_TRY(U object, decode<U>(json));
                          out.push_back(std::move(object));
                          return {};
                        }};
    const ListQuery query{.type = type_, .ns = ns, .selection = selection};
    SK_CHECK_OK(list_all(api_, query, sink));
    return out;
  }

  Api& api_;
  const ResourceType type_;
};

}  // namespace stagekeeper::kube
