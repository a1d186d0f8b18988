#include "operator/cli/create.h"

#include "base/files.h"
#include "base/json_access.h"
#include "kube/connect.h"
#include "kube/objects.h"
#include "model/objects.h"
#include "operator/cli/manifest.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <iostream>
#include <optional>
#include <set>

namespace stagekeeper::cli {
namespace {

constexpr std::size_t kMaxManifestBytes = std::size_t{1} << 20U;
// As in the CustomResourceDefinitions.
constexpr std::size_t kMaxGroups = 512;
constexpr std::size_t kMaxNameBytes = 512;

struct Kind {
  kube::ResourceType type;
  const char* field;  ///< of spec, which says who made the object
};

std::optional<Kind> kind_of(const nlohmann::json& object) {
  const std::string kind = text_at(object, {"kind"});
  const Kind known[] = {{kube::type_of<PromotionRequest>(), "requester"},
                        {kube::type_of<Approval>(), "approver"},
                        {kube::type_of<ModelVersion>(), "registeredBy"}};
  const auto* const found =
      std::ranges::find_if(known, [&](const Kind& each) { return each.type.kind == kind; });
  if (found == std::end(known) || text_at(object, {"apiVersion"}) != "stagekeeper.dev/v1alpha1")
    return std::nullopt;
  return *found;
}

/// Different names that the schema takes, in their order.
nlohmann::json groups_of(const kube::Caller& caller) {
  auto out = nlohmann::json::array();
  std::set<std::string> seen;
  for (const std::string& group : caller.groups) {
    if (group.empty() || group.size() > kMaxNameBytes || out.size() == kMaxGroups) continue;
    if (seen.insert(group).second) out.push_back(group);
  }
  return out;
}

Result<std::string> namespace_of(const nlohmann::json& object, const std::string& ns, bool named) {
  std::string own = text_at(object, {"metadata", "namespace"});
  if (own.empty()) return ns;
  if (!named || own == ns) return own;
  return fail(ErrorCode::kInvalid,
              fmt::format("the object is of namespace {}, not {}: leave --namespace out, or name "
                          "the same one",
                          own, ns));
}

Output failed_create(const Error& error) {
  const bool usage = error.code == ErrorCode::kInvalid || error.code == ErrorCode::kNotFound;
  return {.errors = "error: " + error.message + "\n",
          .code = usage ? ExitCode::kUsage : ExitCode::kRefused};
}

Result<std::string> read_text(const std::string& file) {
  if (file != "-") return read_file(file, kMaxManifestBytes);
  std::string text(kMaxManifestBytes + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  return text;  // read_manifest() refuses what is too large
}

Result<std::string> create_one(kube::Api& api, const nlohmann::json& object, const std::string& ns,
                               bool dry_run) {
  const std::optional<Kind> kind = kind_of(object);
  kube::Request request = kube::create_request(kind->type, ns, object.dump());
  if (dry_run) request.target += "&dryRun=All";
  SK_TRY(const std::string answer, api.call(request));
  const auto made = nlohmann::json::parse(answer, nullptr, false);
  std::string singular = kind->type.kind;
  std::ranges::transform(singular, singular.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return fmt::format("{}.stagekeeper.dev/{} created{}\n", singular,
                     text_at(made, {"metadata", "name"}), dry_run ? " (server dry run)" : "");
}

}  // namespace

Status fill_in(nlohmann::json& object, const kube::Caller& caller) {
  const std::optional<Kind> kind = kind_of(object);
  if (!kind) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{} {} says of nobody who made it: use kubectl create",
                            text_at(object, {"apiVersion"}).substr(0, 100),
                            text_at(object, {"kind"}).substr(0, 100)));
  }
  const auto spec = object.find("spec");
  if (spec == object.end() || !spec->is_object())
    return fail(ErrorCode::kInvalid, kind->type.kind + " without spec");
  nlohmann::json& who = (*spec)[kind->field];
  if (who.is_null()) who = nlohmann::json::object();
  if (!who.is_object()) return {};  // the API server says what is wrong with it
  if (!who.contains("username")) who["username"] = caller.username;
  if (!who.contains("uid") && !caller.uid.empty() && caller.uid.size() <= kMaxNameBytes)
    who["uid"] = caller.uid;
  if (!who.contains("groups")) {
    if (nlohmann::json groups = groups_of(caller); !groups.empty())
      who["groups"] = std::move(groups);
  }
  return {};
}

Output create(kube::Api& api, std::string_view manifest, const std::string& ns, bool named,
              bool dry_run) {
  auto objects = read_manifest(manifest);
  if (!objects) return failed_create(objects.error());
  if (objects->empty()) return failed_create({ErrorCode::kInvalid, "the manifest holds no object"});
  const auto caller = kube::who_am_i(api);
  if (!caller) return failed_create(caller.error());
  std::vector<std::string> namespaces;
  // All are looked at before the first is made.
  for (nlohmann::json& object : *objects) {
    if (const Status filled = fill_in(object, *caller); !filled)
      return failed_create(filled.error());
    auto where = namespace_of(object, ns, named);
    if (!where) return failed_create(where.error());
    namespaces.push_back(std::move(*where));
  }
  Output out;
  for (std::size_t i = 0; i < objects->size(); ++i) {
    const auto said = create_one(api, (*objects)[i], namespaces[i], dry_run);
    if (!said) {
      const Output bad = failed_create(said.error());
      return {.text = out.text, .errors = bad.errors, .code = ExitCode::kRefused};
    }
    out.text += *said;
  }
  return out;
}

Output run_create(const CreateFlags& flags) {
  const kube::ConnectOptions options{.kubeconfig = flags.kubeconfig,
                                     .context = flags.context,
                                     .user_agent = "kubectl-stagekeeper"};
  const auto text = read_text(flags.file);
  if (!text) return failed_create(text.error());
  const auto access = kube::find_cluster(options);
  if (!access) {
    return failed_create(
        {ErrorCode::kInvalid, access.error().message +
                                  "\nWith another way to log in, write what `kubectl auth whoami "
                                  "--output=yaml` says into the object, and use kubectl create."});
  }
  const auto api = kube::make_api(*access, options);
  if (!api) return failed_create(api.error());
  std::string ns = flags.ns.empty() ? access->ns : flags.ns;
  if (ns.empty()) ns = "default";
  return create(**api, *text, ns, !flags.ns.empty(), flags.dry_run);
}

}  // namespace stagekeeper::cli
