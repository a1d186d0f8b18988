#include "kube/request.h"

#include "base/url.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace stagekeeper::kube {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kApplyPatch = "application/apply-patch+yaml";
constexpr std::string_view kMergePatch = "application/merge-patch+json";

/// The API server's own rule for names in paths.
bool is_segment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         text.find_first_of("/%") == std::string_view::npos;
}

/// Path of a collection; empty when the namespace cannot stand in it. `ns` empty: all namespaces.
std::string collection(const ResourceType& type, const std::string& ns) {
  const std::string root = type.group.empty() ? "/api/" : "/apis/" + type.group + "/";
  if (!type.namespaced || ns.empty())
    return fmt::format("{}{}/{}", root, type.version, type.plural);
  if (!is_segment(ns)) return "";
  return fmt::format("{}{}/namespaces/{}/{}", root, type.version, percent_encode(ns), type.plural);
}

std::string object(const ResourceType& type, const ObjectKey& key) {
  const bool needs_namespace = type.namespaced && key.ns.empty();
  const std::string parent = needs_namespace ? "" : collection(type, key.ns);
  if (parent.empty() || !is_segment(key.name)) return "";
  return parent + "/" + percent_encode(key.name);
}

/// Appends "?a=b" or "&a=b". An unusable (empty) target stays empty.
void add_query(std::string& target, std::string_view name, std::string_view value) {
  if (target.empty()) return;
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += name;
  target += '=';
  target += percent_encode(value);
}

void add_selection(std::string& target, const Selection& selection) {
  if (!selection.label_selector.empty())
    add_query(target, "labelSelector", selection.label_selector);
  if (!selection.field_selector.empty())
    add_query(target, "fieldSelector", selection.field_selector);
}

/// The words of a path without its API prefix: {"namespaces", "prod", "deployments", "model"}.
std::vector<std::string_view> resource_words(std::string_view path) {
  std::vector<std::string_view> out;
  for (std::size_t pos = 1; pos <= path.size();) {
    const std::size_t end = std::min(path.find('/', pos), path.size());
    out.push_back(path.substr(pos, end - pos));
    pos = end + 1;
  }
  const std::size_t prefix = path.starts_with("/apis/") ? 3 : 2;
  out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(std::min(prefix, out.size())));
  return out;
}

std::string_view verb(const Request& request, bool named, std::string_view query) {
  if (request.method == "POST") return "create";
  if (request.method == "PUT") return "update";
  if (request.method == "DELETE") return "delete";
  if (request.method == "PATCH") return request.content_type == kApplyPatch ? "apply" : "patch";
  if (query.find("watch=1") != std::string_view::npos) return "watch";
  return named ? "get" : "list";
}

}  // namespace

Request get_request(const ResourceType& type, const ObjectKey& key) {
  return {.method = "GET", .target = object(type, key)};
}

Request list_request(const ResourceType& type, const std::string& ns, const Selection& selection,
                     int limit, const std::string& continue_token) {
  Request out{.method = "GET", .target = collection(type, ns)};
  add_query(out.target, "limit", std::to_string(limit));
  add_selection(out.target, selection);
  if (!continue_token.empty()) add_query(out.target, "continue", continue_token);
  out.large_answer = limit == 1;
  return out;
}

Request watch_request(const ResourceType& type, const std::string& ns, const Selection& selection,
                      const std::string& resource_version, std::chrono::seconds timeout) {
  Request out{.method = "GET", .target = collection(type, ns)};
  add_query(out.target, "watch", "1");
  add_query(out.target, "allowWatchBookmarks", "true");
  add_query(out.target, "resourceVersion", resource_version);
  add_query(out.target, "timeoutSeconds", std::to_string(timeout.count()));
  add_selection(out.target, selection);
  return out;
}

Request create_request(const ResourceType& type, const std::string& ns, std::string body,
                       bool dry_run) {
  const bool needs_namespace = type.namespaced && ns.empty();
  Request out{.method = "POST",
              .target = needs_namespace ? "" : collection(type, ns),
              .content_type = std::string(kJson),
              .body = std::move(body)};
  // Strict: a field that the schema does not know is an error and not silently dropped.
  add_query(out.target, "fieldValidation", "Strict");
  if (dry_run) add_query(out.target, "dryRun", "All");
  return out;
}

Request apply_request(const ResourceType& type, const ObjectKey& key, const ApplyOptions& options,
                      std::string body) {
  Request out{.method = "PATCH",
              .target = object(type, key),
              .content_type = std::string(kApplyPatch),
              .body = std::move(body)};
  add_query(out.target, "fieldManager", options.field_manager);
  if (options.force) add_query(out.target, "force", "true");
  if (options.dry_run) add_query(out.target, "dryRun", "All");
  add_query(out.target, "fieldValidation", "Strict");
  return out;
}

Request merge_patch_request(const ResourceType& type, const ObjectKey& key,
                            std::string_view subresource, std::string body) {
  Request out{.method = "PATCH",
              .target = object(type, key),
              .content_type = std::string(kMergePatch),
              .body = std::move(body)};
  if (!out.target.empty() && !subresource.empty()) {
    out.target += '/';
    out.target += subresource;
  }
  return out;
}

Request delete_request(const ResourceType& type, const ObjectKey& key,
                       const DeleteOptions& options) {
  nlohmann::json body = {
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", options.propagation}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty())
    body["preconditions"]["resourceVersion"] = options.resource_version;
  return {.method = "DELETE",
          .target = object(type, key),
          .content_type = std::string(kJson),
          .body = body.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)};
}

std::string describe(const Request& request) {
  const std::string_view target = request.target;
  const std::size_t question = std::min(target.find('?'), target.size());
  std::vector<std::string_view> words = resource_words(target.substr(0, question));
  std::string_view ns;
  if (words.size() >= 3 && words[0] == "namespaces") {
    ns = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  const bool named = words.size() > 1;
  std::string out(verb(request, named, target.substr(question)));
  out += ' ';
  out += words.empty() ? std::string_view("(no resource)") : words[0];
  if (named) out += fmt::format("/{}", words[1]);
  if (words.size() > 2) out += fmt::format(" {}", words[2]);
  if (!ns.empty()) out += fmt::format(" in {}", ns);
  return out;
}

}  // namespace stagekeeper::kube
