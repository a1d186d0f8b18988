#include "runtime/store_writer.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace stagekeeper;           // NOLINT(google-build-using-namespace)
using namespace stagekeeper::runtime;  // NOLINT(google-build-using-namespace)

namespace {

struct Pet {
  std::string name;
  std::string owner;
};

Store<Pet>::Indexers by_owner() {
  return {{"owner", [](const Pet& pet) { return std::vector<std::string>{pet.owner}; }}};
}

std::vector<std::string> names(const std::vector<Store<Pet>::Ptr>& pets) {
  std::vector<std::string> out;
  for (const auto& pet : pets)
    out.push_back(pet->name);
  return out;
}

using Names = std::vector<std::string>;

/// A writer whose objects are {"name":…,"owner":…}; without an owner they cannot be read.
struct Bench {
  Metrics metrics;
  Store<Pet> store{by_owner()};
  std::vector<std::string> seen;
  StoreWriter<Pet> writer{
      "Pet", store,
      [](std::string_view raw) -> Result<Pet> {
        const auto json = nlohmann::json::parse(raw);
        if (!json.contains("owner")) return fail(ErrorCode::kCorrupt, "no owner");
        return Pet{json["name"], json["owner"]};
      },
      [this](const Change<Pet>& change) {
        seen.push_back(change.key.name + ":" + (change.old ? change.old->owner : "-") + ">" +
                       (change.now ? change.now->owner : "-") + (change.from_list ? " list" : ""));
      },
      metrics};

  void apply(const std::string& name, const std::string& version, const std::string& owner,
             bool from_list) {
    nlohmann::json raw = {{"name", name}};
    if (!owner.empty()) raw["owner"] = owner;
    writer.apply({{"ns", name}, "uid-" + name, version}, raw.dump(), from_list);
  }

  Names changes() { return std::exchange(seen, {}); }
};

}  // namespace

TEST_CASE("store: finds by key and by index, in order, and keeps indexes in step") {
  Store<Pet> store(by_owner());
  store.put({"ns", "b"}, "1", Pet{"b", "anna"});
  store.put({"ns", "a"}, "2", Pet{"a", "anna"});
  store.put({"ns", "c"}, "3", Pet{"c", "bert"});
  CHECK(names(store.list()) == Names{"a", "b", "c"});
  CHECK(names(store.find("owner", "anna")) == Names{"a", "b"});
  CHECK(store.get({"ns", "c"})->owner == "bert");
  CHECK(store.get({"other", "c"}) == nullptr);
  const auto held = store.get({"ns", "a"});
  const auto change = store.put({"ns", "a"}, "4", Pet{"a", "bert"});
  CHECK(change.old == held);
  CHECK(held->owner == "anna");  // a snapshot stays what it was
  CHECK(names(store.find("owner", "anna")) == Names{"b"});
  CHECK(names(store.find("owner", "bert")) == Names{"a", "c"});
  CHECK(store.remove({"ns", "a"})->old->owner == "bert");
  CHECK_FALSE(store.remove({"ns", "a"}));
  CHECK(names(store.find("owner", "bert")) == Names{"c"});
  CHECK(store.find("owner", "nobody").empty());
  CHECK(store.find("no such index", "x").empty());
}

TEST_CASE("store writer: a new list sweeps what is gone and tells only of changes") {
  Bench b;
  CHECK_FALSE(b.store.synced());
  b.writer.begin_list();
  b.apply("a", "1", "anna", true);
  b.apply("b", "2", "anna", true);
  CHECK_FALSE(b.store.synced());
  CHECK_FALSE(b.writer.synced().ok);
  b.writer.end_list();
  CHECK(b.store.synced());
  CHECK(b.writer.synced().ok);
  CHECK(b.changes() == Names{"a:->anna list", "b:->anna list"});
  b.apply("c", "3", "carl", false);
  b.apply("c", "3", "carl", false);  // the same event again after a resume
  CHECK(b.changes() == Names{"c:->carl"});
  // A gap: b was deleted and c changed.
  b.writer.begin_list();
  b.apply("a", "1", "anna", true);
  b.apply("c", "9", "dora", true);
  b.writer.end_list();
  CHECK(b.changes() == Names{"c:carl>dora list", "b:anna>- list"});
  CHECK(b.store.size() == 2);
}

TEST_CASE("store writer: a list that breaks off and begins again loses nothing") {
  Bench b;
  b.writer.begin_list();
  b.apply("a", "1", "anna", true);
  b.writer.begin_list();
  b.apply("b", "2", "bert", true);
  b.apply("a", "1", "anna", true);
  b.writer.end_list();
  CHECK(names(b.store.list()) == Names{"a", "b"});
}

TEST_CASE("store writer: an object that cannot be read is kept out and the rest lives on") {
  Bench b;
  b.writer.begin_list();
  b.apply("a", "1", "anna", true);
  b.apply("bad", "2", "", true);
  b.writer.end_list();
  CHECK(b.store.synced());
  CHECK(names(b.store.list()) == Names{"a"});
  CHECK(b.metrics.text().find("store_undecodable_objects{kind=\"Pet\"} 1") != std::string::npos);
  // A readable one becomes unreadable: its old content must not be believed any longer.
  b.changes();
  b.apply("a", "3", "", false);
  CHECK(b.changes() == Names{"a:anna>-"});
  CHECK(b.metrics.text().find("store_undecodable_objects{kind=\"Pet\"} 2") != std::string::npos);
  // Both are mended, one by a change and one by going away.
  b.apply("a", "4", "anna", false);
  b.writer.remove({"ns", "bad"});
  CHECK(b.changes() == Names{"a:->anna"});
  CHECK(b.metrics.text().find("store_undecodable_objects{kind=\"Pet\"} 0") != std::string::npos);
  // One that goes away in a gap is no longer counted either.
  b.apply("bad", "5", "", false);
  b.writer.begin_list();
  b.apply("a", "4", "anna", true);
  b.writer.end_list();
  CHECK(b.metrics.text().find("store_undecodable_objects{kind=\"Pet\"} 0") != std::string::npos);
  CHECK(b.metrics.text().find("store_objects{kind=\"Pet\"} 1") != std::string::npos);
}
