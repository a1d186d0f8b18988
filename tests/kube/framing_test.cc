#include "kube/line_splitter.h"
#include "kube/list_decode.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <vector>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::kube;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

struct Lines {
  std::vector<std::string> got;

  LineSink sink() {
    return [this](std::string_view line) {
      got.emplace_back(line);
      return true;
    };
  }
};

/// Random JSON with nested containers, escapes and empty values; depth shrinks to scalars.
json random_json(std::mt19937& random, int depth) {
  const auto pick = [&](unsigned n) { return static_cast<unsigned>(random()) % n; };
  switch (depth <= 0 ? pick(5) : pick(7)) {
    case 0:
      return nullptr;
    case 1:
      return pick(2) == 0;
    case 2:
      return static_cast<int>(pick(1000)) - 500;
    case 3:
      return 0.25 * pick(100);
    case 4: {
      const char* texts[] = {"", "a", "\"],}{[", "\\\\\"", "\xC3\xA4\xE2\x82\xAC", "line\nbreak\t"};
      return texts[pick(6)];
    }
    case 5: {
      json out = json::array();
      for (unsigned i = pick(4); i > 0; --i)
        out.push_back(random_json(random, depth - 1));
      return out;
    }
    default: {
      json out = json::object();
      for (unsigned i = pick(5); i > 0; --i)
        out["k" + std::to_string(pick(9))] = random_json(random, depth - 1);
      return out;
    }
  }
}

json random_object(std::mt19937& random) {
  json out = {{"a", random_json(random, 4)}, {"metadata", {{"name", "x"}}}};
  out["z"] = random_json(random, 3);
  return out;
}

}  // namespace

TEST_CASE("line splitter: the same lines however the bytes are cut") {
  const std::string text =
      "{\"a\":1}\n\n{\"b\":\"\xC3\xA4\"}\nlong" + std::string(50, 'x') + "\nrest";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    CAPTURE(size);
    LineSplitter splitter(1000);
    Lines lines;
    for (std::size_t pos = 0; pos < text.size(); pos += size)
      CHECK(splitter.feed(text.substr(pos, size), lines.sink()).value());
    REQUIRE(lines.got.size() == 3);  // the empty line and the unfinished one are no lines
    CHECK(lines.got[0] == "{\"a\":1}");
    CHECK(lines.got[1] == "{\"b\":\"\xC3\xA4\"}");
    CHECK(lines.got[2] == "long" + std::string(50, 'x'));
  }
}

TEST_CASE("line splitter: a line may be as long as the limit and no longer") {
  for (const std::size_t piece : {1UL, 3UL, 100UL}) {
    CAPTURE(piece);
    for (const bool complete : {true, false}) {
      CAPTURE(complete);
      const auto feed = [&](std::size_t length) {
        LineSplitter splitter(8);
        Lines lines;
        const std::string text = std::string(length, 'x') + (complete ? "\n" : "");
        for (std::size_t pos = 0; pos < text.size(); pos += piece) {
          const Result<bool> more = splitter.feed(text.substr(pos, piece), lines.sink());
          if (!more) return more.error().code == ErrorCode::kInvalid;
        }
        return false;
      };
      CHECK_FALSE(feed(8));
      CHECK(feed(9));
    }
  }
}

TEST_CASE("line splitter: stops when the sink has had enough") {
  LineSplitter splitter(100);
  int count = 0;
  const LineSink sink = [&](std::string_view) { return ++count < 2; };
  CHECK_FALSE(splitter.feed("a\nb\nc\n", sink).value());
  CHECK(count == 2);
}

TEST_CASE("list: frames agree with a full parser on random lists") {
  std::mt19937 random(20261121);
  for (int round = 0; round < 300; ++round) {
    json list = {{"apiVersion", "v1"}, {"kind", "PodList"}, {"extra", random_json(random, 3)}};
    list["metadata"] = {{"resourceVersion", std::to_string(random())}, {"remainingItemCount", 7}};
    if (round % 2 == 0) list["metadata"]["continue"] = "to\"ken";
    list["items"] = json::array();
    for (unsigned i = static_cast<unsigned>(random()) % 6; i > 0; --i)
      list["items"].push_back(random_object(random));
    std::string body = list.dump(round % 3 == 0 ? 2 : -1);
    CAPTURE(body);
    const Result<ListPage> page = decode_list(body);
    REQUIRE(page);
    CHECK(page->resource_version == list["metadata"]["resourceVersion"].get<std::string>());
    CHECK(page->continue_token == list["metadata"].value("continue", ""));
    REQUIRE(page->items.size() == list["items"].size());
    for (std::size_t i = 0; i < page->items.size(); ++i)
      CHECK(json::parse(page->items[i]) == list["items"][i]);
  }
}

TEST_CASE("list: the order of the keys does not matter, null items are none") {
  std::string reversed = R"({"items":[{"b":1},{"c":[]}],"metadata":{"resourceVersion":"5"}})";
  const ListPage page = decode_list(reversed).value();
  CHECK(page.resource_version == "5");
  CHECK(page.items.size() == 2);
  std::string null_items = R"({"metadata":{"resourceVersion":"5"},"items":null})";
  CHECK(decode_list(null_items).value().items.empty());
}

TEST_CASE("list: what is no list is Unavailable") {
  const std::string valid = R"({"metadata":{"resourceVersion":"5"},"items":[{"b":"x"}]})";
  for (std::size_t size = 0; size < valid.size(); ++size) {
    CAPTURE(size);
    std::string cut = valid.substr(0, size);
    const Result<ListPage> page = decode_list(cut);
    REQUIRE_FALSE(page);
    CHECK(page.error().code == ErrorCode::kUnavailable);
  }
  for (const char* bad :
       {"[]", "1", "null", R"({"items":[]})", R"({"metadata":{},"items":[]})",
        R"({"metadata":{"resourceVersion":5},"items":[]})", R"({"metadata":[],"items":[]})",
        R"({"metadata":{"resourceVersion":"5"},"items":{}})",
        R"({"metadata":{"resourceVersion":"5"},"items":[1]})",
        R"({"metadata":{"resourceVersion":"5"},"items":[]} x)",
        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{\"b\":\"\xFF\"}]}"}) {
    CAPTURE(std::string(bad));
    std::string body = bad;
    CHECK_FALSE(decode_list(body));
  }
}

TEST_CASE("watch event: frames agree with a full parser on random events") {
  std::mt19937 random(20261122);
  WatchEventDecoder decoder;
  const char* types[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
  for (int round = 0; round < 400; ++round) {
    json object = random_object(random);
    object["metadata"]["resourceVersion"] = std::to_string(random());
    const json event = {{"type", types[round % 4]}, {"object", object}};
    // nlohmann sorts keys, so "object" comes first; Go writes "type" first.
    const std::string line = round % 2 == 0 ? event.dump()
                                            : R"({"type":")" + std::string(types[round % 4]) +
                                                  R"(","object":)" + object.dump() + "}";
    CAPTURE(line);
    const Result<WatchEvent> got = decoder.decode(line);
    REQUIRE(got);
    CHECK(static_cast<int>(got->type) == round % 4);
    CHECK(json::parse(got->object) == object);
    CHECK(got->resource_version == object["metadata"]["resourceVersion"].get<std::string>());
    CHECK_FALSE(got->initial_events_end);
    CHECK_FALSE(got->error);
  }
}

TEST_CASE("watch event: a bookmark may end the initial events") {
  WatchEventDecoder decoder;
  const auto ends = [&](const std::string& annotations) {
    return decoder
        .decode(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7","annotations":)" +
                annotations + "}}}")
        .value()
        .initial_events_end;
  };
  CHECK(ends(R"({"k8s.io/initial-events-end":"true"})"));
  CHECK_FALSE(ends(R"({"k8s.io/initial-events-end":"false"})"));
  CHECK_FALSE(ends("{}"));
  CHECK_FALSE(ends("null"));
}

TEST_CASE("watch event: an error in the stream becomes the Error that its status would be") {
  WatchEventDecoder decoder;

  struct Row {
    const char* object;
    ErrorCode code;
    const char* text;
  };

  const Row rows[] = {
      {R"({"kind":"Status","message":"too old resource version: 1 [9]","reason":"Expired","code":410})",
       ErrorCode::kGone, "too old resource version"},
      {R"({"kind":"Status","message":"boom","code":500})", ErrorCode::kUnavailable, "boom"},
      {R"({"kind":"Status","message":"slow","code":429,"details":{"retryAfterSeconds":3}})",
       ErrorCode::kThrottled, "slow"},
      {R"({"kind":"Status","message":"odd","code":200})", ErrorCode::kUnavailable, "odd"},
      {R"({"kind":"Status"})", ErrorCode::kUnavailable, "500"},
      {R"({"code":"410"})", ErrorCode::kUnavailable, "500"},
  };

  for (const Row& row : rows) {
    CAPTURE(std::string(row.object));
    const Result<WatchEvent> event =
        decoder.decode(std::string(R"({"type":"ERROR","object":)") + row.object + "}");
    REQUIRE(event);
    CHECK(event->type == WatchEventType::kError);
    REQUIRE(event->error);
    CHECK(event->error->code == row.code);
    CHECK(event->error->message.find(row.text) != std::string::npos);
    CHECK(event->object == row.object);
  }
}

TEST_CASE("watch event: what is no event is Unavailable") {
  WatchEventDecoder decoder;
  const std::string valid =
      R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"5","x":"y"}}})";
  CHECK(decoder.decode(valid));
  for (std::size_t size = 0; size < valid.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(decoder.decode(valid.substr(0, size)));
  }
  for (const char* bad :
       {R"({"type":"NEW","object":{"metadata":{"resourceVersion":"5"}}})",
        R"({"object":{"metadata":{"resourceVersion":"5"}}})", R"({"type":"ADDED"})",
        R"({"type":"ADDED","object":{}})", R"({"type":"ADDED","object":{"metadata":{}}})",
        R"({"type":"ADDED","object":[1]})", R"({"type":1,"object":{}})", "[]",
        R"({"type":"ADDED","object":{"metadata":{"resourceVersion":5}}})"}) {
    CAPTURE(std::string(bad));
    const Result<WatchEvent> event = decoder.decode(bad);
    REQUIRE_FALSE(event);
    CHECK(event.error().code == ErrorCode::kUnavailable);
  }
  CHECK(decoder.decode(valid));  // still usable
}
