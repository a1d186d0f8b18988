#pragma once

#include "kube/resource.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::kube {

/// One call to the API server as a value, built by the pure functions below.
///
/// A name or namespace that cannot stand in a path (empty where one is needed, ".", "..", with '/'
/// or '%') gives a request with an empty target, which every Api refuses as Invalid: a deletion
/// with an empty name would otherwise delete the whole collection.
struct Request {
  std::string method = {};
  std::string target = {};        ///< path and query, percent-encoded
  std::string content_type = {};  ///< empty when there is no body
  std::string body = {};
  bool large_answer = false;  ///< give the answer all the room there is: see ApiParts::large
};

/// Selectors and paging of a list or watch. Empty means "not sent".
struct Selection {
  std::string label_selector = {};
  std::string field_selector = {};
};

Request get_request(const ResourceType& type, const ObjectKey& key);

/// One page, most recent data (resourceVersion unset on purpose: an old one may be served from a
/// stale cache). `ns` empty lists all namespaces. Less than one object cannot be asked for, so a
/// page of one may have a large answer.
Request list_request(const ResourceType& type, const std::string& ns, const Selection& selection,
                     int limit, const std::string& continue_token);

/// A watch with bookmarks from `resource_version`; the server ends it after `timeout`.
Request watch_request(const ResourceType& type, const std::string& ns, const Selection& selection,
                      const std::string& resource_version, std::chrono::seconds timeout);

/// With `dry_run` everything is checked and nothing is stored.
Request create_request(const ResourceType& type, const std::string& ns, std::string body,
                       bool dry_run = false);

struct ApplyOptions {
  std::string field_manager = {};
  bool force = false;
  bool dry_run = false;  ///< everything is checked and nothing is stored
};

/// Server-side apply. `body` must hold the manager's complete set of fields, apiVersion, kind and
/// metadata.name; metadata.uid and metadata.resourceVersion in it are preconditions.
Request apply_request(const ResourceType& type, const ObjectKey& key, const ApplyOptions& options,
                      std::string body);

/// RFC 7386 merge patch of an object or, with `subresource` = "status", of its status.
/// metadata.uid and metadata.resourceVersion in the body are preconditions.
Request merge_patch_request(const ResourceType& type, const ObjectKey& key,
                            std::string_view subresource, std::string body);

struct DeleteOptions {
  std::string uid = {};               ///< precondition; empty: any
  std::string resource_version = {};  ///< precondition; empty: any
  std::string propagation = "Background";
};

Request delete_request(const ResourceType& type, const ObjectKey& key,
                       const DeleteOptions& options);

/// What the request does, for messages: "patch deployments/model status in prod", "list pods".
/// Holds no query and no body.
std::string describe(const Request& request);

}  // namespace stagekeeper::kube
