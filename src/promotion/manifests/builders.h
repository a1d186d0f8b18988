#pragma once

#include "model/objects.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

// The few kinds that the operator creates, built in one place: nothing of ours can be made without
// the restricted profile, whoever adds the next container.
namespace stagekeeper::promotion::build {

using Texts = std::map<std::string, std::string>;

/// metadata of something that is created.
struct Meta {
  std::string ns;
  std::string name;
  Texts labels = {};
  Texts annotations = {};
  std::string owner_kind = {};  ///< empty: no owner, nothing is collected with another object
  std::string owner_name = {};
  std::string owner_uid = {};
};

/// One variable: a value, or a key of a Secret.
struct Env {
  std::string name;
  std::string value = {};
  std::string secret = {};
  std::string key = {};
};

struct Mount {
  std::string volume;
  std::string path;
  bool read_only = true;
};

struct Container {
  std::string name;
  std::string image;
  std::vector<std::string> command;
  std::vector<Env> env;
  std::vector<Mount> mounts;
  Resources resources;
};

/// An empty directory of at most `size`, a ConfigMap, or one key of a Secret.
struct Volume {
  std::string name;
  std::string config_map = {};
  std::string size = {};
  std::string secret = {};
  std::string key = {};  ///< of the Secret; the file has its name
};

/// A pod that may do nothing but compute: no token, no root, no way to write but its volumes, and
/// no mesh's proxy beside it, which would never end and keep the Job from being complete.
struct Pod {
  std::string service_account;
  std::vector<Container> init;
  std::vector<Container> containers;
  std::vector<Volume> volumes;
};

/// Runs a pod once.
struct Job {
  Meta meta;
  std::int64_t deadline_seconds = 0;
  Pod pod;
};

/// The security context of every container that the operator makes.
nlohmann::json restricted();

nlohmann::json metadata(const Meta& meta);
nlohmann::json job(const Job& job);

/// One replica of a pod template that is given as it is.
nlohmann::json deployment(const Meta& meta, const Texts& selector, nlohmann::json pod_template);

/// The head of a server-side apply: which object, under uid and (unless empty) resourceVersion.
nlohmann::json deployment_apply(const ObjectMeta& meta, const std::string& resource_version);

}  // namespace stagekeeper::promotion::build
