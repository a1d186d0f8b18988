#include "kube/connect.h"
#include "runtime/store_writer.h"
#include "tests/fakes/http_imposter.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <thread>

using namespace stagekeeper;           // NOLINT(google-build-using-namespace)
using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const char* const kPath = "/api/v1/configmaps";

json config_map(const std::string& name, int version) {
  return {{"metadata",
           {{"name", name}, {"namespace", "ns"}, {"resourceVersion", std::to_string(version)}}}};
}

std::string list(int version, const std::vector<json>& items) {
  return json{{"kind", "ConfigMapList"},
              {"metadata", {{"resourceVersion", std::to_string(version)}}},
              {"items", items}}
      .dump();
}

std::string event(const std::string& type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump() + "\n";
}

/// A watcher that talks HTTP to a scripted server, with waits of milliseconds.
struct Bench {
  fakes::HttpImposter server;
  Metrics metrics;
  Store<std::string> store;
  StoreWriter<std::string> writer{
      "ConfigMap", store,
      [](std::string_view raw) -> Result<std::string> {
        return json::parse(raw)["metadata"]["resourceVersion"].get<std::string>();
      },
      [](const Change<std::string>&) {}, metrics};
  std::unique_ptr<kube::Api> api;
  std::unique_ptr<Watcher> watcher;

  void start() {
    kube::ClusterAccess access;
    access.origin = server.origin();
    kube::ConnectOptions options;
    options.watch_timeout = milliseconds(300);
    api = kube::make_api(access, options).value();
    WatchTarget target;
    target.type = {"", "v1", "configmaps", "ConfigMap", true};
    target.options.backoff = {milliseconds(2), milliseconds(20)};
    watcher = std::make_unique<Watcher>(target, *api, writer, metrics);
    watcher->start();
  }

  bool holds(const std::string& name, const std::string& version) {
    return eventually([&] {
      const auto object = store.get({"ns", name});
      return object ? *object == version : version.empty();
    });
  }

  /// Targets of the requests, lists as "list" and watches by where they begin.
  std::vector<std::string> asked() const {
    std::vector<std::string> out;
    for (const auto& request : server.requests()) {
      const auto at = request.target.find("resourceVersion=");
      out.push_back(
          at == std::string::npos
              ? "list"
              : "from " + request.target.substr(at + 16, request.target.find('&', at) - (at + 16)));
    }
    return out;
  }

  static bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return true;
  }
};

using Asked = std::vector<std::string>;

}  // namespace

TEST_CASE("watcher over http: follows through resets, half lines, silence and an end") {
  Bench b;
  b.server.on("GET", kPath).body(list(100, {config_map("a", 90)}));
  const std::string half = event("MODIFIED", config_map("a", 102));
  b.server.on("GET", kPath)
      .chunk(event("MODIFIED", config_map("a", 101)))
      .chunk(half.substr(0, half.size() / 2))
      .reset();
  // The other half of a line may come in the next chunk.
  b.server.on("GET", kPath)
      .chunk(half.substr(0, 10))
      .pause(milliseconds(5))
      .chunk(half.substr(10))
      .silence();
  b.server.on("GET", kPath).chunk(event("ADDED", config_map("b", 103)));
  b.server.on("GET", kPath).chunk(event("DELETED", config_map("a", 104))).silence();
  b.start();
  CHECK(b.holds("b", "103"));
  CHECK(b.holds("a", ""));
  CHECK(b.asked() == Asked{"list", "from 100", "from 101", "from 102", "from 103"});
}

TEST_CASE("watcher over http: 410 as status and in the stream, 429 and 500, all mend themselves") {
  Bench b;
  b.server.on("GET", kPath).status(500).body("etcd");
  b.server.on("GET", kPath).body(list(100, {config_map("a", 90), config_map("b", 91)}));
  b.server.on("GET", kPath).status(410).body(R"({"kind":"Status","code":410,"reason":"Expired"})");
  b.server.on("GET", kPath).body(list(200, {config_map("a", 190)}));
  b.server.on("GET", kPath)
      .chunk(event("ERROR", {{"kind", "Status"}, {"code", 410}, {"reason", "Gone"}}));
  b.server.on("GET", kPath).status(429).header("Retry-After", "0").body("patience");
  b.server.on("GET", kPath).body(list(300, {config_map("a", 290)}));
  b.server.on("GET", kPath).chunk(event("ADDED", config_map("c", 301))).silence();
  b.start();
  CHECK(b.holds("c", "301"));
  CHECK(b.holds("a", "290"));
  CHECK(b.holds("b", ""));
  CHECK(b.asked() ==
        Asked{"list", "list", "from 100", "list", "from 200", "list", "list", "from 300"});
}

TEST_CASE("watcher over http: a list that is cut short is not taken for the whole") {
  Bench b;
  const std::string whole = list(100, {config_map("a", 90), config_map("b", 91)});
  b.server.on("GET", kPath).content_length(whole.size()).body(whole.substr(0, 80)).close();
  b.server.on("GET", kPath).body(whole.substr(0, 80));
  b.server.on("GET", kPath).body(whole);
  b.server.on("GET", kPath).silence().always();
  b.start();
  REQUIRE(b.eventually([&] { return b.store.synced(); }));
  CHECK(b.store.size() == 2);
}

TEST_CASE("watcher over http: stops within milliseconds during a silent watch") {
  Bench b;
  b.server.on("GET", kPath).body(list(100, {}));
  b.server.on("GET", kPath).chunk(event("ADDED", config_map("a", 101))).silence();
  b.start();
  CHECK(b.holds("a", "101"));
  const auto start = std::chrono::steady_clock::now();
  b.watcher.reset();
  CHECK(std::chrono::steady_clock::now() - start < milliseconds(200));
}
