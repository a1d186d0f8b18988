#include "tests/fakes/fake_api.h"

#include "tests/fakes/server_side_apply.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <sstream>
#include <thread>
#include <utility>

namespace stagekeeper::fakes {
namespace {

using nlohmann::json;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, separator);)
    out.push_back(part);
  return out;
}

std::string decode_percent(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      std::from_chars(&text[i + 1], &text[i + 3], value, 16);
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

kube::ObjectKey key_of(const json& object) {
  return {object["metadata"].value("namespace", ""), object["metadata"].value("name", "")};
}

/// Preconditions in a patch body or in DeleteOptions.
Status check_preconditions(const json& wanted, const json& object) {
  for (const char* field : {"uid", "resourceVersion"}) {
    if (wanted.is_object() && wanted.contains(field) &&
        wanted[field] != object["metadata"][field]) {
      return fail(ErrorCode::kConflict, fmt::format("{} is not {}", field, wanted[field].dump()));
    }
  }
  return {};
}

std::string owners_key(const std::string& collection, const kube::ObjectKey& key) {
  return collection + " " + key.str();
}

std::string event_line(const std::string& type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump();
}

}  // namespace

std::string FakeApi::collection_of(const kube::ResourceType& type) {
  return (type.group.empty() ? "api/" : "apis/" + type.group + "/") + type.version + "/" +
         type.plural;
}

FakeApi::Target FakeApi::parse(const std::string& target) {
  Target out;
  const auto question = target.find('?');
  if (question != std::string::npos) {
    for (const auto& pair : split(target.substr(question + 1), '&')) {
      const auto equals = pair.find('=');
      out.query[pair.substr(0, equals)] = decode_percent(pair.substr(equals + 1));
    }
  }
  auto words = split(target.substr(1, question - 1), '/');
  const std::size_t prefix = words[0] == "api" ? 2 : 3;
  for (std::size_t i = 0; i < prefix; ++i)
    out.collection += words[i] + "/";
  std::size_t at = prefix;
  if (words[at] == "namespaces" && words.size() > at + 2) {
    out.ns = words[at + 1];
    at += 2;
  }
  out.collection += words[at];
  if (words.size() > at + 1) out.name = words[at + 1];
  if (words.size() > at + 2) out.subresource = words[at + 2];
  return out;
}

bool FakeApi::selected(const Target& target, const json& object) {
  if (!target.ns.empty() && object["metadata"].value("namespace", "") != target.ns) return false;
  if (const auto fields = target.query.find("fieldSelector"); fields != target.query.end()) {
    for (const auto& term : split(fields->second, ',')) {
      const auto equals = term.find('=');
      std::string path = "/" + term.substr(0, equals);
      std::replace(path.begin(), path.end(), '.', '/');
      const json::json_pointer pointer(path);
      if (!object.contains(pointer) || object[pointer] != term.substr(equals + 1)) return false;
    }
  }
  const auto selector = target.query.find("labelSelector");
  if (selector == target.query.end()) return true;
  const json labels = object["metadata"].value("labels", json::object());
  for (const auto& term : split(selector->second, ',')) {
    const auto equals = term.find('=');
    if (!labels.contains(term.substr(0, equals))) return false;
    if (equals != std::string::npos && labels[term.substr(0, equals)] != term.substr(equals + 1)) {
      return false;
    }
  }
  return true;
}

Result<std::string> FakeApi::call(const kube::Request& request) {
  const std::string what = request.method + " " + request.target;
  std::function<void(const std::string&)> hook;
  {
    const MutexLock lock(mutex_);
    hook = hook_;
  }
  if (hook) hook(what);
  const MutexLock lock(mutex_);
  calls_.push_back(what);
  changed_.notify_all();
  for (auto& fault : faults_) {
    if (fault.times <= 0 || what.find(fault.pattern) == std::string::npos) continue;
    --fault.times;
    if (fault.after_commit) (void)serve(request);
    return tl::unexpected<Error>(fault.error);
  }
  return serve(request);
}

Result<std::string> FakeApi::serve(const kube::Request& request) {
  if (request.target.empty()) return fail(ErrorCode::kInvalid, "empty target");
  const Target target = parse(request.target);
  if (request.method == "POST") return create(target, request.body);
  if (target.name.empty()) return list(target);
  if (request.method == "PATCH") return patch(target, request);
  if (request.method == "DELETE") return erase(target, request.body);
  const auto& objects = objects_[target.collection];
  const auto it = objects.find({target.ns, target.name});
  if (it == objects.end()) return fail(ErrorCode::kNotFound, "get " + target.name);
  return it->second.dump();
}

Result<std::string> FakeApi::list(const Target& target) {
  const auto limit_it = target.query.find("limit");
  const auto limit = limit_it == target.query.end()
                         ? std::int64_t{1} << 40
                         : std::max<std::int64_t>(1, number(limit_it->second));
  const auto token = target.query.find("continue");
  std::int64_t skip = 0;
  std::int64_t version = version_;
  if (token != target.query.end()) {
    const auto parts = split(token->second, ':');
    version = number(parts.at(0));
    skip = number(parts.at(1));
    if (version < oldest_) return fail(ErrorCode::kGone, "continue token expired");
  }
  json items = json::array();
  std::int64_t seen = 0;
  bool more = false;
  for (const auto& [key, object] : objects_[target.collection]) {
    if (!selected(target, object) || seen++ < skip) continue;
    more = static_cast<std::int64_t>(items.size()) == limit;
    if (more) break;
    items.push_back(object);
  }
  json metadata = {{"resourceVersion", std::to_string(version)}};
  if (more) {
    metadata["continue"] =
        fmt::format("{}:{}", version, skip + static_cast<std::int64_t>(items.size()));
  }
  return json{{"kind", "List"}, {"metadata", metadata}, {"items", items}}.dump();
}

json FakeApi::store(const std::string& collection, json object, const std::string& type) {
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  if (!object["metadata"].contains("uid")) {
    // By name and not by a counter of everything, so that equal histories look equal.
    const std::string key = collection + " " + key_of(object).str();
    object["metadata"]["uid"] = fmt::format("uid-{}-{}", key_of(object).name, ++created_[key]);
  }
  objects_[collection][key_of(object)] = object;
  history_.push_back({version_, collection, type, object});
  changed_.notify_all();
  return object;
}

void FakeApi::drop(const std::string& collection, const kube::ObjectKey& key) {
  const auto it = objects_[collection].find(key);
  if (it == objects_[collection].end()) return;
  json object = it->second;
  objects_[collection].erase(it);
  managers_.erase(owners_key(collection, key));
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  history_.push_back({version_, collection, "DELETED", object});
  changed_.notify_all();
}

Result<std::string> FakeApi::create(const Target& target, const std::string& body) {
  json object = json::parse(body);
  if (target.collection.ends_with("reviews")) {
    object["status"]["allowed"] = !reviews_ || reviews_(object["spec"]);
    return object.dump();
  }
  if (!target.ns.empty()) object["metadata"]["namespace"] = target.ns;
  if (objects_[target.collection].contains(key_of(object))) {
    return fail(ErrorCode::kAlreadyExists, "create " + key_of(object).str());
  }
  json& metadata = object["metadata"];
  metadata["generation"] = 1;
  if (!metadata.contains("creationTimestamp")) metadata["creationTimestamp"] = now_;
  if (target.query.contains("dryRun")) {
    if (admit_)
      if (Status s = admit_(target.collection, object); !s) return tl::unexpected<Error>(s.error());
    return object.dump();
  }
  return store(target.collection, std::move(object), "ADDED").dump();
}

Result<json> FakeApi::applied(const Target& target, const json& current, const json& body) {
  const std::string manager = target.query.at("fieldManager");
  auto& managers = managers_[owners_key(target.collection, {target.ns, target.name})];
  const json wanted = owned_fields(body);
  std::string conflicts;
  for (const auto& [other, fields] : managers) {
    if (other == manager || target.query.contains("force")) continue;
    if (const std::string where = first_conflict(current, wanted, fields, ""); !where.empty())
      conflicts += fmt::format("\"{}\" owns {} ", other, where);
  }
  if (!conflicts.empty())
    return fail(ErrorCode::kFieldConflict, "conflict with other field managers: " + conflicts);
  json out = current;
  merge_named(out, body);
  std::vector<const json*> others;
  for (const auto& [other, fields] : managers) {
    if (other != manager) others.push_back(&fields);
  }
  if (const auto mine = managers.find(manager); mine != managers.end())
    drop_unowned(out, mine->second, wanted, others);
  if (!target.query.contains("dryRun")) managers[manager] = wanted;
  return out;
}

Result<std::string> FakeApi::patch(const Target& target, const kube::Request& request) {
  json change = json::parse(request.body);
  const bool apply = request.content_type.find("apply") != std::string::npos;
  auto& objects = objects_[target.collection];
  const auto it = objects.find({target.ns, target.name});
  if (it == objects.end()) {
    if (!apply) return fail(ErrorCode::kNotFound, "patch " + target.name);
    return create(target, request.body);
  }
  json object = it->second;
  if (change.contains("metadata")) {
    if (Status s = check_preconditions(change["metadata"], object); !s) {
      return tl::unexpected<Error>(s.error());
    }
    change["metadata"].erase("resourceVersion");
  }
  if (target.subresource == "status") {
    change = json{{"status", change.value("status", json::object())}};
    object.merge_patch(change);
  } else {
    change.erase("status");
    if (apply) {
      Result<json> merged = applied(target, object, change);
      if (!merged) return tl::unexpected<Error>(merged.error());
      object = std::move(*merged);
    } else {
      object.merge_patch(change);
    }
    if (object.value("spec", json()) != it->second.value("spec", json()))
      object["metadata"]["generation"] = object["metadata"].value("generation", 1) + 1;
  }
  if (object == it->second || target.query.contains("dryRun")) return object.dump();
  json stored = store(target.collection, std::move(object), "MODIFIED");
  const json& metadata = stored["metadata"];
  if (metadata.contains("deletionTimestamp") &&
      metadata.value("finalizers", json::array()).empty()) {
    drop(target.collection, key_of(stored));
  }
  return stored.dump();
}

Result<std::string> FakeApi::erase(const Target& target, const std::string& body) {
  auto& objects = objects_[target.collection];
  const auto it = objects.find({target.ns, target.name});
  if (it == objects.end()) return fail(ErrorCode::kNotFound, "delete " + target.name);
  const json options = json::parse(body.empty() ? "{}" : body);
  if (options.contains("preconditions")) {
    if (Status s = check_preconditions(options["preconditions"], it->second); !s) {
      return tl::unexpected<Error>(s.error());
    }
  }
  json object = it->second;
  if (object["metadata"].value("finalizers", json::array()).empty()) {
    drop(target.collection, {target.ns, target.name});
  } else if (!object["metadata"].contains("deletionTimestamp")) {
    object["metadata"]["deletionTimestamp"] = now_;
    object = store(target.collection, std::move(object), "MODIFIED");
  }
  return object.dump();
}

bool FakeApi::next_line(Stream& stream, const Target& target, std::size_t& next,
                        std::string& line) {
  for (; next < history_.size(); ++next) {
    const HistoryEvent& event = history_[next];
    if (event.collection != target.collection || !selected(target, event.object)) continue;
    if (event.version <= number(target.query.at("resourceVersion"))) continue;
    line = event_line(event.type, event.object);
    ++next;
    return true;
  }
  if (stream.raw.empty()) return false;
  line = std::move(stream.raw.front());
  stream.raw.pop_front();
  return true;
}

Status FakeApi::watch(const kube::Request& request, const kube::LineSink& sink,
                      std::stop_token stop) {
  const Target target = parse(request.target);
  Stream stream;
  stream.collection = target.collection;
  std::size_t next = 0;
  {
    const MutexLock lock(mutex_);
    calls_.push_back("WATCH " + request.target);
    changed_.notify_all();
    if (refuse_) return tl::unexpected<Error>(*refuse_);
    if (number(target.query.at("resourceVersion")) < oldest_) {
      if (compact_status_) return fail(ErrorCode::kGone, "too old resource version");
      next = history_.size();
      stream.raw.push_back(event_line(
          "ERROR", {{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}, {"message", "old"}}));
    }
    streams_.push_back(&stream);
  }
  Status how;
  while (true) {
    std::string line;
    {
      const MutexLock lock(mutex_);
      changed_.wait(mutex_, stop, [&]() SK_REQUIRES(mutex_) {
        return next_line(stream, target, next, line) || stream.ended;
      });
      if (stop.stop_requested()) how = fail(ErrorCode::kCancelled, "watch");
      if (stop.stop_requested() || line.empty()) {
        if (how && stream.how) how = tl::unexpected<Error>(*stream.how);
        std::erase(streams_, &stream);
        changed_.notify_all();
        return how;
      }
    }
    if (!sink(line)) {
      const MutexLock lock(mutex_);
      std::erase(streams_, &stream);
      return {};
    }
  }
}

json FakeApi::put(const kube::ResourceType& type, json object) {
  const MutexLock lock(mutex_);
  const std::string collection = collection_of(type);
  const bool known = objects_[collection].contains(key_of(object));
  if (known) object["metadata"]["uid"] = objects_[collection][key_of(object)]["metadata"]["uid"];
  return store(collection, std::move(object), known ? "MODIFIED" : "ADDED");
}

std::optional<json> FakeApi::get(const kube::ResourceType& type, const kube::ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto objects = objects_.find(collection_of(type));
  if (objects == objects_.end()) return std::nullopt;
  const auto it = objects->second.find(key);
  return it == objects->second.end() ? std::nullopt : std::optional(it->second);
}

void FakeApi::own(const kube::ResourceType& type, const kube::ObjectKey& key,
                  const std::string& manager, const json& fields) {
  const MutexLock lock(mutex_);
  managers_[owners_key(collection_of(type), key)][manager] = fields;
}

void FakeApi::answer_reviews(std::function<bool(const json& spec)> answer) {
  const MutexLock lock(mutex_);
  reviews_ = std::move(answer);
}

void FakeApi::admit(std::function<Status(const std::string&, const json&)> how) {
  const MutexLock lock(mutex_);
  admit_ = std::move(how);
}

void FakeApi::set_time(std::string now) {
  const MutexLock lock(mutex_);
  now_ = std::move(now);
}

std::vector<json> FakeApi::all(const kube::ResourceType& type) const {
  const MutexLock lock(mutex_);
  std::vector<json> out;
  const auto objects = objects_.find(collection_of(type));
  if (objects == objects_.end()) return out;
  for (const auto& [key, object] : objects->second)
    out.push_back(object);
  return out;
}

void FakeApi::each(const kube::ResourceType& type,
                   const std::function<void(const json&)>& see) const {
  const MutexLock lock(mutex_);
  const auto objects = objects_.find(collection_of(type));
  if (objects == objects_.end()) return;
  for (const auto& [key, object] : objects->second)
    see(object);
}

std::int64_t FakeApi::version() const {
  const MutexLock lock(mutex_);
  return version_;
}

std::string FakeApi::fingerprint() const {
  const MutexLock lock(mutex_);
  std::string out;
  for (const auto& [collection, objects] : objects_) {
    for (const auto& [key, object] : objects) {
      json copy = object;
      copy["metadata"].erase("resourceVersion");
      copy["metadata"].erase("creationTimestamp");
      out += collection + " " + copy.dump() + "\n";
    }
  }
  return out;
}

void FakeApi::remove(const kube::ResourceType& type, const kube::ObjectKey& key) {
  const MutexLock lock(mutex_);
  drop(collection_of(type), key);
}

std::size_t FakeApi::count(const kube::ResourceType& type) const {
  const MutexLock lock(mutex_);
  const auto objects = objects_.find(collection_of(type));
  return objects == objects_.end() ? 0 : objects->second.size();
}

void FakeApi::inject(Fault fault) {
  const MutexLock lock(mutex_);
  faults_.push_back(std::move(fault));
}

void FakeApi::heal() {
  const MutexLock lock(mutex_);
  faults_.clear();
}

void FakeApi::on_call(std::function<void(const std::string&)> hook) {
  const MutexLock lock(mutex_);
  hook_ = std::move(hook);
}

void FakeApi::end_watches(std::optional<Error> how) {
  const MutexLock lock(mutex_);
  for (Stream* stream : streams_) {
    stream->ended = true;
    stream->how = how;
  }
  changed_.notify_all();
}

void FakeApi::send_line(const std::string& line) {
  const MutexLock lock(mutex_);
  for (Stream* stream : streams_)
    stream->raw.push_back(line);
  changed_.notify_all();
}

void FakeApi::bookmark(const kube::ResourceType& type) {
  const MutexLock lock(mutex_);
  const std::string line = event_line(
      "BOOKMARK",
      {{"kind", type.kind}, {"metadata", {{"resourceVersion", std::to_string(version_)}}}});
  for (Stream* stream : streams_) {
    if (stream->collection == collection_of(type)) stream->raw.push_back(line);
  }
  changed_.notify_all();
}

void FakeApi::compact(bool as_status) {
  const MutexLock lock(mutex_);
  // A list from now on has a version that is new enough again.
  oldest_ = ++version_;
  compact_status_ = as_status;
}

void FakeApi::refuse_watches(std::optional<Error> how) {
  const MutexLock lock(mutex_);
  refuse_ = std::move(how);
}

std::vector<std::string> FakeApi::calls() const {
  const MutexLock lock(mutex_);
  return calls_;
}

std::size_t FakeApi::calls_with(const std::string& pattern) const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(
      calls_.begin(), calls_.end(),
      [&](const std::string& call) { return call.find(pattern) != std::string::npos; }));
}

std::size_t FakeApi::open_watches() const {
  const MutexLock lock(mutex_);
  return streams_.size();
}

bool FakeApi::eventually(const std::function<bool()>& condition) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace stagekeeper::fakes
