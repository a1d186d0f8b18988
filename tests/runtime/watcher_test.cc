#include "runtime/watcher.h"

#include "runtime/store_writer.h"
#include "tests/fakes/fake_api.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <stdexcept>

using namespace stagekeeper;           // NOLINT(google-build-using-namespace)
using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using std::chrono::milliseconds;

namespace {

const kube::ResourceType kMaps{"", "v1", "configmaps", "ConfigMap", true};

json config_map(const std::string& name, const std::string& value) {
  return {{"metadata", {{"name", name}, {"namespace", "ns"}}}, {"data", {{"value", value}}}};
}

struct ConfigMap {
  std::string value;
};

Result<ConfigMap> decode(std::string_view raw) {
  const json object = json::parse(raw, nullptr, false);
  if (!object.contains("data")) return fail(ErrorCode::kCorrupt, "ConfigMap without data");
  return ConfigMap{object["data"].value("value", "")};
}

/// A watcher over the fake with waits of milliseconds.
struct Bench {
  fakes::FakeApi api;
  Metrics metrics;
  Store<ConfigMap> store;
  std::atomic<int> changes{0};
  std::atomic<int> throws{0};  ///< so many of the next changes meet a bug
  StoreWriter<ConfigMap> writer{"ConfigMap", store, decode,
                                [this](const Change<ConfigMap>&) {
                                  if (throws-- > 0) throw std::runtime_error("bug");
                                  ++changes;
                                },
                                metrics};
  std::unique_ptr<Watcher> watcher;

  void start(int page_limit = 100) {
    WatchTarget target;
    target.type = kMaps;
    target.options.page_limit = page_limit;
    target.options.backoff = {milliseconds(2), milliseconds(20)};
    watcher = std::make_unique<Watcher>(target, api, writer, metrics);
    watcher->start();
  }

  bool eventually(const std::function<bool()>& condition) { return api.eventually(condition); }

  bool watching() {
    return eventually([this] { return store.synced() && api.open_watches() == 1; });
  }

  bool holds(const std::string& name, const std::string& value) {
    return eventually([&] {
      const auto map = store.get({"ns", name});
      return map ? map->value == value : value.empty();
    });
  }
};

}  // namespace

TEST_CASE("watcher: takes in a list of several pages, then follows events") {
  Bench b;
  for (int i = 0; i < 25; ++i)
    b.api.put(kMaps, config_map("m" + std::to_string(i), "old"));
  b.start(10);
  REQUIRE(b.watching());
  CHECK(b.store.size() == 25);
  CHECK(b.api.calls_with("limit=10") == 3);
  b.api.put(kMaps, config_map("m3", "new"));
  CHECK(b.holds("m3", "new"));
  b.api.remove(kMaps, {"ns", "m4"});
  CHECK(b.holds("m4", ""));
  CHECK(b.changes == 27);
  CHECK(b.watcher->check_live().ok);
  CHECK(b.watcher->check_synced().ok);
}

TEST_CASE("watcher: resumes after the stream ends, without listing again") {
  Bench b;
  b.api.put(kMaps, config_map("a", "1"));
  b.start();
  REQUIRE(b.watching());
  for (const auto& how :
       {std::optional<Error>(), std::optional<Error>(Error{ErrorCode::kUnavailable, "reset"})}) {
    const auto before = b.api.calls_with("WATCH");
    b.api.end_watches(how);
    const std::string value = how ? "after a reset" : "after an end";
    b.api.put(kMaps, config_map("a", value));
    CHECK(b.holds("a", value));
    CHECK(b.eventually([&] { return b.api.calls_with("WATCH") > before; }));
  }
  CHECK(b.api.calls_with("limit=") == 1);
}

TEST_CASE("watcher: resumes from a bookmark") {
  Bench b;
  b.start();
  REQUIRE(b.watching());
  b.api.put({"", "v1", "secrets", "Secret", true}, config_map("elsewhere", "x"));
  b.api.bookmark(kMaps);
  CHECK(b.eventually([&] {
    return b.metrics.text().find("watch_events_total{kind=\"ConfigMap\",type=\"BOOKMARK\"} 1") !=
           std::string::npos;
  }));
  b.api.end_watches(Error{ErrorCode::kUnavailable, "reset"});
  CHECK(b.eventually([&] { return b.api.calls_with("resourceVersion=101") == 1; }));
}

TEST_CASE("watcher: lists again after 410, both ways, and notices what was deleted in the gap") {
  for (const bool as_status : {true, false}) {
    CAPTURE(as_status);
    Bench b;
    for (const char* name : {"stays", "goes", "changes"})
      b.api.put(kMaps, config_map(name, "1"));
    b.start();
    REQUIRE(b.watching());
    b.api.refuse_watches(Error{ErrorCode::kUnavailable, "down"});
    b.api.end_watches(Error{ErrorCode::kUnavailable, "down"});
    REQUIRE(b.eventually([&] { return b.api.open_watches() == 0; }));
    b.api.remove(kMaps, {"ns", "goes"});
    b.api.put(kMaps, config_map("changes", "2"));
    b.api.compact(as_status);
    b.api.refuse_watches(std::nullopt);
    CHECK(b.holds("changes", "2"));
    CHECK(b.holds("goes", ""));
    CHECK(b.holds("stays", "1"));
    CHECK(b.changes == 5);
    CHECK(b.api.calls_with("limit=") == 2);
    REQUIRE(b.watching());
  }
}

TEST_CASE("watcher: nonsense on the stream leads to a new list") {
  for (const char* line :
       {"{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceV", "not json",
        R"({"type":"SURPRISE","object":{"metadata":{"resourceVersion":"5"}}})",
        R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"5"}}})",
        R"({"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcd"}})"}) {
    CAPTURE(line);
    Bench b;
    b.api.put(kMaps, config_map("a", "1"));
    b.start();
    REQUIRE(b.watching());
    b.api.send_line(line);
    CHECK(b.eventually([&] { return b.api.calls_with("limit=") == 2; }));
    b.api.put(kMaps, config_map("a", "2"));
    CHECK(b.holds("a", "2"));
  }
}

TEST_CASE("watcher: an object that cannot be read does not disturb the others") {
  Bench b;
  json bad = config_map("bad", "");
  bad.erase("data");
  b.api.put(kMaps, bad);
  b.api.put(kMaps, config_map("good", "1"));
  b.start();
  REQUIRE(b.watching());
  CHECK(b.store.size() == 1);
  b.api.put(kMaps, bad);
  b.api.put(kMaps, config_map("good", "2"));
  CHECK(b.holds("good", "2"));
  b.api.put(kMaps, config_map("bad", "mended"));
  CHECK(b.holds("bad", "mended"));
  CHECK(b.api.calls_with("limit=") == 1);
}

TEST_CASE("watcher: is not ready until a list came through, and says what is in the way") {
  Bench b;
  b.api.put(kMaps, config_map("a", "1"));
  b.api.inject({"configmaps", Error{ErrorCode::kDenied, "list configmaps: no right"}, 10});
  b.start();
  CHECK(b.eventually(
      [&] { return b.watcher->check_synced().detail.find("no right") != std::string::npos; }));
  CHECK_FALSE(b.watcher->check_synced().ok);
  CHECK(b.watching());
  CHECK(b.watcher->check_synced().ok);
}

TEST_CASE("watcher: an expired page token begins the list again") {
  Bench b;
  for (int i = 0; i < 5; ++i)
    b.api.put(kMaps, config_map("m" + std::to_string(i), "1"));
  b.api.inject({"continue=", Error{ErrorCode::kGone, "token expired"}, 1});
  b.start(2);
  REQUIRE(b.watching());
  CHECK(b.store.size() == 5);
}

TEST_CASE("watcher: stops within milliseconds, in a watch and in a wait") {
  for (const bool waiting : {false, true}) {
    CAPTURE(waiting);
    Bench b;
    if (waiting) b.api.inject({"configmaps", Error{ErrorCode::kUnavailable, "no"}, 1});
    WatchTarget target;
    target.type = kMaps;
    b.watcher = std::make_unique<Watcher>(target, b.api, b.writer, b.metrics);
    b.watcher->start();
    REQUIRE(b.eventually(
        [&] { return waiting ? b.api.calls_with("limit=") == 1 : b.api.open_watches() == 1; }));
    const auto start = std::chrono::steady_clock::now();
    b.watcher.reset();
    CHECK(std::chrono::steady_clock::now() - start < milliseconds(200));
  }
}

TEST_CASE("watcher: a change whose handling throws comes again, and none is lost") {
  Bench b;
  b.api.put(kMaps, config_map("a", "1"));
  b.throws = 1;
  b.start();
  REQUIRE(b.watching());
  CHECK(b.api.calls_with("limit=") == 2);
  CHECK(b.changes == 1);
  b.throws = 1;
  b.api.put(kMaps, config_map("a", "2"));
  CHECK(b.eventually([&] { return b.changes == 2; }));
  CHECK(b.holds("a", "2"));
  b.throws = 1;
  b.api.remove(kMaps, {"ns", "a"});
  CHECK(b.eventually([&] { return b.changes == 3; }));
  CHECK(b.holds("a", ""));
  CHECK(b.api.calls_with("limit=") == 2);
  CHECK(b.watcher->check_live().ok);
}

TEST_CASE("watcher: a page too large is halved, and the rest of the list is kept") {
  Bench b;
  for (int i = 0; i < 9; ++i)
    b.api.put(kMaps, config_map("m" + std::to_string(i), "1"));
  b.api.inject({"limit=4&", Error{ErrorCode::kTooLarge, "answer too large"}, 1});
  b.start(4);
  REQUIRE(b.watching());
  CHECK(b.store.size() == 9);
  CHECK(b.api.calls_with("limit=4") == 2);
  CHECK(b.api.calls_with("limit=2&continue=") >= 2);
}
