#include "aws/s3_client.h"

#include "aws/s3_address.h"
#include "aws/sigv4.h"
#include "http/cpprest_client.h"
#include "tests/fakes/fake_s3.h"
#include "tests/fakes/http_imposter.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;
using fakes::FakeS3;
using fakes::HttpImposter;
using fakes::ManualClock;
using fakes::MemoryStore;

namespace {

const TimePoint kNow = parse_time("2026-03-03T09:15:00Z").value();
const TimePoint kUntil = parse_time("2036-03-03T09:15:00Z").value();

aws::S3Options options(std::string host) {
  return {.host = std::move(host),
          .region = "us-east-1",
          .bucket = "audit",
          .credentials = {.access_key_id = "writer", .secret_access_key = aws::Secret("hush")}};
}

std::string host_of(const std::string& endpoint) {
  return aws::s3_address(endpoint, "audit", aws::S3Addressing::kPath)->host;
}

/// A client that talks HTTP to an imposter.
struct Wire {
  HttpImposter imposter;
  ManualClock clock{kNow};
  std::unique_ptr<http::Client> http;
  std::unique_ptr<aws::S3Client> s3;

  Wire() { connect(imposter.origin()); }

  void connect(const std::string& endpoint) {
    http::ClientOptions client;
    client.origin = endpoint;
    client.timeout = std::chrono::milliseconds(300);
    http = http::make_client(client).value();
    s3 = std::make_unique<aws::S3Client>(*http, options(host_of(endpoint)), clock);
  }
};

/// Whether a request bears the signature of what arrived.
bool signed_as_received(const fakes::ReceivedRequest& received) {
  const std::string& authorization = received.headers.at("Authorization");
  http::Request again{
      .method = received.method, .target = received.target, .headers = {}, .body = {}};
  const std::size_t start = authorization.find("SignedHeaders=") + 14;
  std::string names = authorization.substr(start, authorization.find(',', start) - start) + ";";
  while (!names.empty()) {
    const std::string name = names.substr(0, names.find(';'));
    names.erase(0, name.size() + 1);
    again.headers.emplace(name, received.headers.at(name));
  }
  aws::sign(again, options("").credentials, {.region = "us-east-1", .service = "s3", .time = kNow},
            received.headers.at("x-amz-content-sha256"));
  return again.headers.at("Authorization") == authorization;
}

}  // namespace

TEST_CASE("s3 client: what goes over the wire is what was signed") {
  Wire wire;
  wire.imposter.on("PUT", "/audit/v1/a%20b.json").header("x-amz-version-id", "v7");
  const auto version = wire.s3->put_locked("v1/a b.json", "{}", kUntil);
  REQUIRE(version);
  CHECK(*version == "v7");
  const auto received = wire.imposter.requests().at(0);
  CHECK(received.headers.at("Authorization").find("if-none-match") != std::string::npos);
  CHECK(received.headers.at("Authorization").find("x-amz-object-lock-mode") != std::string::npos);
  CHECK(signed_as_received(received));
  CHECK(received.body == "{}");
}

TEST_CASE("s3 client: the host is signed as it is sent, however the endpoint is spelled") {
  Wire wire;
  wire.imposter.on("GET", "/audit/k").always().body("x");
  const std::string port = std::to_string(wire.imposter.port());
  for (const std::string& endpoint :
       {"http://127.0.0.1:" + port + "/", "http://LOCALHOST:" + port,
        "HTTP://LocalHost:" + port + "/", "http://[::ffff:127.0.0.1]:" + port,
        "http://[::FFFF:127.0.0.1]:" + port + "/"}) {
    CAPTURE(endpoint);
    wire.connect(endpoint);
    const Result<std::string> got = wire.s3->get("k");
    REQUIRE(got);
    CHECK(signed_as_received(wire.imposter.requests().back()));
  }
}

TEST_CASE("s3 client: a lost acknowledgement leaves the effect open") {
  Wire wire;

  struct Row {
    const char* what;
    void (*script)(fakes::Answer&);
  };

  const Row rows[] = {
      {"reset", [](fakes::Answer& a) { a.reset(); }},
      {"silence", [](fakes::Answer& a) { a.silence(); }},
      {"half an answer", [](fakes::Answer& a) { a.raw("HTTP/1.1 200 OK\r\nx-amz-ver").close(); }},
      {"cut body", [](fakes::Answer& a) { a.content_length(50).body("short").close(); }},
      {"500", [](fakes::Answer& a) { a.status(500); }},
  };
  std::string key = "k";
  for (const Row& row : rows) {
    CAPTURE(row.what);
    key += 'k';  // a key of its own: the client may send a request on a dead connection again
    row.script(wire.imposter.on("PUT", "/audit/" + key).always());
    const auto version = wire.s3->put_locked(key, "{}", kUntil);
    REQUIRE_FALSE(version);
    CHECK(version.error().code == ErrorCode::kUnavailable);
    CHECK(version.error().message.find("hush") == std::string::npos);
  }
}

TEST_CASE("s3 client: failures in a success are failures") {
  Wire wire;
  wire.imposter.on("PUT", "/audit/k").body("<Error><Code>InternalError</Code></Error>");
  const auto put = wire.s3->put_locked("k", "{}", kUntil);
  REQUIRE_FALSE(put);
  CHECK(put.error().code == ErrorCode::kUnavailable);
  wire.imposter.on("GET", "/audit").body("<ListVersionsResult><IsTruncated>fal");
  const auto list = wire.s3->list_versions("v1/", {});
  REQUIRE_FALSE(list);
  CHECK(list.error().code == ErrorCode::kUnavailable);
}

TEST_CASE("s3 client: remembers the store's clock of the last answer") {
  Wire wire;
  CHECK_FALSE(wire.s3->server_time());
  wire.imposter.on("GET", "/audit/k").status(404).header("Date", "Tue, 03 Mar 2026 09:16:00 GMT");
  CHECK_FALSE(wire.s3->get("k"));
  REQUIRE(wire.s3->server_time());
  CHECK(wire.s3->server_time()->server - wire.s3->server_time()->local == std::chrono::minutes(1));
}

TEST_CASE("s3 client: pages, locks and bytes through the fake server") {
  ManualClock clock(kNow);
  MemoryStore store(clock);
  store.page_size = 2;
  FakeS3 server(store, clock);
  aws::S3Client client(server, options("fake"), clock);
  for (const char* key : {"p/1", "p/2", "p/3", "q/1"})
    REQUIRE(client.put_locked(key, key, kUntil));
  CHECK(client.put_locked("p/1", "again", kUntil).error().code == ErrorCode::kAlreadyExists);

  const auto first = client.list_versions("p/", {});
  REQUIRE(first);
  CHECK(first->entries.size() == 2);
  REQUIRE(first->next);
  const auto second = client.list_versions("p/", *first->next);
  REQUIRE(second);
  REQUIRE(second->entries.size() == 1);
  CHECK(second->entries[0].key == "p/3");
  CHECK_FALSE(second->next);

  const aws::ObjectVersionId object{.key = "p/3", .version_id = second->entries[0].version_id};
  CHECK(client.get(object.key, object.version_id).value() == "p/3");
  CHECK(client.retention(object)->retain_until == kUntil);
  CHECK(client.get("p/3", "nope").error().code == ErrorCode::kNotFound);
  store.objects["p/3"].back().lock = {};
  CHECK(client.retention(object)->mode == aws::LockMode::kNone);
}

TEST_CASE("s3 client: streams an object, and says why it cannot") {
  ManualClock clock(kNow);
  MemoryStore store(clock);
  FakeS3 server(store, clock);
  aws::S3Client client(server, options("fake"), clock);
  REQUIRE(client.put_locked("k", "bytes", kUntil));
  std::string got;
  const http::BodySink sink = [&](std::string_view piece) {
    got += piece;
    return true;
  };
  CHECK(client.stream("k", {}, sink, {}));
  CHECK(got == "bytes");
  CHECK(client.stream("missing", {}, sink, {}).error().code == ErrorCode::kNotFound);
}

TEST_CASE("s3 client: keys from elsewhere lose their line ends, too") {
  Wire wire;
  wire.imposter.on("GET", "/audit/k").always().body("x");
  aws::S3Options with = options(host_of(wire.imposter.origin()));
  with.credentials = {.access_key_id = "writer\n", .secret_access_key = aws::Secret("hush\n")};
  aws::S3Client client(*wire.http, with, wire.clock);
  REQUIRE(client.get("k"));
  CHECK(signed_as_received(wire.imposter.requests().back()));
}

TEST_CASE("s3 client: a part of an object is asked for, and only of the object that it was") {
  Wire wire;
  wire.imposter.on("GET", "/audit/k")
      .status(206)
      .header("ETag", "\"v1\"")
      .header("Content-Range", "bytes 5-9/10")
      .body("56789");
  wire.imposter.on("GET", "/audit/k")
      .status(412)
      .body("<Error><Code>PreconditionFailed</Code></Error>");
  std::string bytes;
  std::string etag;
  const aws::StreamPart part{
      .range = "bytes=5-", .if_match = "\"v1\"", .on_head = [&](const http::Response& head) {
        etag = http::header_value(head.headers, "ETag");
        return true;
      }};
  const http::BodySink sink = [&](std::string_view piece) {
    bytes += piece;
    return true;
  };
  REQUIRE(wire.s3->stream("k", part, sink, {}));
  CHECK(bytes == "56789");
  CHECK(etag == "\"v1\"");
  const auto sent = wire.imposter.requests();
  CHECK(sent.at(0).headers.at("Range") == "bytes=5-");
  CHECK(sent.at(0).headers.at("If-Match") == "\"v1\"");
  CHECK(signed_as_received(sent.at(0)));
  CHECK(wire.s3->stream("k", part, sink, {}).error().code == ErrorCode::kConflict);
}

TEST_CASE("s3 client: a listing of objects goes on by its token and never round") {
  Wire wire;
  const auto page = [](const char* key, const char* rest) {
    return std::string("<ListBucketResult><Contents><Key>") + key +
           "</Key><Size>7</Size></Contents>" + rest + "</ListBucketResult>";
  };
  const char* more =
      "<IsTruncated>true</IsTruncated><NextContinuationToken>t/1</NextContinuationToken>";
  auto& imposter = wire.imposter;
  imposter.on("GET", "/audit*").body(page("m/47/a b", more));
  imposter.on("GET", "/audit*").body(page("m/47/c", "<IsTruncated>false</IsTruncated>"));
  imposter.on("GET", "/audit*").body(page("m/47/c", more));
  imposter.on("GET", "/audit*").body(page("m/47/c", ""));
  const auto first = wire.s3->list_objects("m/47/", "");
  REQUIRE(first);
  CHECK(first->entries.at(0).key == "m/47/a b");
  CHECK(first->entries.at(0).size_bytes == 7);
  CHECK(first->next == "t/1");
  const auto second = wire.s3->list_objects("m/47/", first->next);
  REQUIRE(second);
  CHECK(second->next.empty());
  CHECK_FALSE(wire.s3->list_objects("m/47/", "t/1"));
  CHECK_FALSE(wire.s3->list_objects("m/47/", ""));
  const auto sent = imposter.requests();
  CHECK(sent.at(0).target == "/audit?list-type=2&max-keys=1000&prefix=m%2F47%2F");
  CHECK(sent.at(1).target ==
        "/audit?list-type=2&max-keys=1000&prefix=m%2F47%2F&continuation-token=t%2F1");
  CHECK(signed_as_received(sent.at(1)));
}
