#include "kube/client.h"

#include "http/cpprest_client.h"
#include "kube/connect.h"
#include "tests/fakes/http_imposter.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::kube;  // NOLINT(google-build-using-namespace)
using fakes::HttpImposter;
using std::chrono::milliseconds;

namespace {

const ResourceType kPods{"", "v1", "pods", "Pod", true};
const std::string kPath = "/api/v1/namespaces/ml/pods";

std::unique_ptr<Api> api_for(const HttpImposter& server, std::unique_ptr<TokenSource> tokens,
                             std::string prefix = "") {
  ApiParts parts;
  parts.calls = http::make_client({.origin = server.origin()}).value();
  parts.watches =
      http::make_client({.origin = server.origin(), .timeout = milliseconds(200)}).value();
  parts.tokens = std::move(tokens);
  parts.path_prefix = std::move(prefix);
  return std::make_unique<ApiClient>(std::move(parts));
}

Request watch_pods() {
  return watch_request(kPods, "ml", {}, "5", std::chrono::seconds(300));
}

struct Lines {
  std::vector<std::string> got;

  LineSink sink() {
    return [this](std::string_view line) {
      got.emplace_back(line);
      return true;
    };
  }
};

/// A file that is gone after the test.
class TokenFile {
 public:
  explicit TokenFile(const std::string& token)
      : path_("/tmp/stagekeeper-token-" + std::to_string(::getpid())) {
    write(token);
  }

  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;
  TokenFile(TokenFile&&) = delete;
  TokenFile& operator=(TokenFile&&) = delete;

  ~TokenFile() { remove(); }

  void write(const std::string& token) const { std::ofstream(path_) << token; }

  void remove() const { static_cast<void>(std::remove(path_.c_str())); }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string authorization(const fakes::ReceivedRequest& request) {
  const auto found = request.headers.find("Authorization");
  return found == request.headers.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("api client: a call carries token, types and body, and gives the body back") {
  HttpImposter server;
  server.on("PATCH", "/k8s/c-1" + kPath + "/a").body("{\"ok\":1}");
  const auto api = api_for(server, static_token("t0"), "/k8s/c-1");
  const Result<std::string> body = api->call(merge_patch_request(kPods, {"ml", "a"}, "", "{}"));
  REQUIRE(body);
  CHECK(*body == "{\"ok\":1}");
  const auto got = server.requests().at(0);
  CHECK(authorization(got) == "Bearer t0");
  CHECK(got.headers.find("accept")->second == "application/json");
  CHECK(got.headers.find("content-type")->second == "application/merge-patch+json");
  CHECK(got.body == "{}");
}

TEST_CASE("api client: a failure names verb and object, the server's reason and its patience") {
  HttpImposter server;
  server.on("GET", kPath + "/a")
      .status(404)
      .body(R"({"kind":"Status","reason":"NotFound","message":"pods \"a\" not found"})");
  server.on("GET", kPath + "/a").status(429).header("Retry-After", "3");
  server.on("GET", kPath + "/a").always().reset();  // always: the library may send it again
  const auto api = api_for(server, static_token(""));
  const Request get = get_request(kPods, {"ml", "a"});
  const Error missing = api->call(get).error();
  CHECK(missing.code == ErrorCode::kNotFound);
  CHECK(missing.message == "get pods/a in ml: pods \"a\" not found (404)");
  const Error busy = api->call(get).error();
  CHECK(busy.code == ErrorCode::kThrottled);
  CHECK(busy.retry_after == std::chrono::seconds(3));
  const Error broken = api->call(get).error();
  CHECK(broken.code == ErrorCode::kUnavailable);
  CHECK(broken.message.starts_with("get pods/a in ml: 127.0.0.1:"));
  CHECK(authorization(server.requests().at(0)).empty());
}

TEST_CASE("api client: a page of one object has more room than others") {
  HttpImposter server;
  server.on("GET", "/api/v1/pods").always().body(std::string(std::size_t{17} << 20U, 'x'));
  ClusterAccess access;
  access.origin = server.origin();
  const auto api = make_api(access, {}).value();
  CHECK(api->call(list_request(kPods, "", {}, 2, "")).error().code == ErrorCode::kTooLarge);
  const Result<std::string> one = api->call(list_request(kPods, "", {}, 1, ""));
  REQUIRE(one);
  CHECK(one->size() == std::size_t{17} << 20U);
}

TEST_CASE("api client: a request without a usable name is not sent") {
  HttpImposter server;
  const auto api = api_for(server, static_token(""));
  const Result<std::string> body = api->call(delete_request(kPods, {"ml", ""}, {}));
  REQUIRE_FALSE(body);
  CHECK(body.error().code == ErrorCode::kInvalid);
  Lines lines;
  CHECK(api->watch(watch_request(kPods, "..", {}, "1", std::chrono::seconds(1)), lines.sink(), {})
            .error()
            .code == ErrorCode::kInvalid);
  CHECK(server.requests().empty());
}

TEST_CASE("api client: a 401 makes it read the token again and try once more") {
  HttpImposter server;
  const TokenFile file("old\n");
  const auto api = api_for(server, std::make_unique<FileToken>(file.path()));
  const Request get = get_request(kPods, {"ml", "a"});

  server.on("GET", kPath + "/a").body("1");
  CHECK(api->call(get).value() == "1");
  file.write("new");
  server.on("GET", kPath + "/a").status(401);
  server.on("GET", kPath + "/a").body("2");
  CHECK(api->call(get).value() == "2");
  auto requests = server.requests();
  REQUIRE(requests.size() == 3);
  CHECK(authorization(requests[1]) == "Bearer old");
  CHECK(authorization(requests[2]) == "Bearer new");

  // The same token again would only be refused again.
  server.on("GET", kPath + "/a").status(401);
  CHECK(api->call(get).error().code == ErrorCode::kDenied);
  CHECK(server.requests().size() == 4);

  // One retry, not a loop.
  file.write("newer");
  server.on("GET", kPath).status(401);
  server.on("GET", kPath).status(401);
  Lines lines;
  CHECK(api->watch(watch_pods(), lines.sink(), {}).error().code == ErrorCode::kDenied);
  CHECK(server.requests().size() == 6);
}

TEST_CASE("token: read again by age, kept while the file is unreadable, checked before use") {
  const TokenFile file("one");
  FileToken young(file.path());
  FileToken old(file.path(), milliseconds(0));
  CHECK(young.token().value() == "one");
  CHECK(old.token().value() == "one");
  file.write(" two\n");
  CHECK(young.token().value() == "one");
  CHECK(old.token().value() == "two");
  young.expire();
  CHECK(young.token().value() == "two");
  file.remove();
  CHECK(old.token().value() == "two");
  CHECK(FileToken(file.path()).token().error().code == ErrorCode::kNotFound);
  for (const char* bad : {"", " \n", "two words", "line\nbreak", "tab\there"}) {
    CAPTURE(std::string(bad));
    const Result<std::string> token = clean_token(bad);
    REQUIRE_FALSE(token);
    CHECK(token.error().code == ErrorCode::kInvalid);
    CHECK(token.error().message.find("words") == std::string::npos);
  }
  file.write(std::string(20'000, 'x'));
  CHECK(FileToken(file.path()).token().error().code == ErrorCode::kInvalid);
}

TEST_CASE("watch: whole lines however they come, errors in the stream among them") {
  HttpImposter server;
  server.on("GET", kPath)
      .chunk("{\"type\":\"ADD")
      .pause(milliseconds(30))
      .chunk("ED\"}\n{\"type\":\"MODIFIED\"}\n")
      .chunk("{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n")
      .chunk("{\"half\":");
  const auto api = api_for(server, static_token("t"));
  Lines lines;
  CHECK(api->watch(watch_pods(), lines.sink(), {}));
  REQUIRE(lines.got.size() == 3);
  CHECK(lines.got[0] == "{\"type\":\"ADDED\"}");
  CHECK(lines.got[2] == "{\"type\":\"ERROR\",\"object\":{\"code\":410}}");
  CHECK(server.requests().at(0).target == watch_pods().target);
}

TEST_CASE("watch: 410 as status is Gone, and the sink ends a watch well") {
  HttpImposter server;
  server.on("GET", kPath)
      .status(410)
      .body(R"({"kind":"Status","reason":"Expired","message":"too old"})");
  server.on("GET", kPath).chunk("a\nb\n").silence();
  const auto api = api_for(server, static_token("t"));
  Lines lines;
  const Status gone = api->watch(watch_pods(), lines.sink(), {});
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == ErrorCode::kGone);
  CHECK(gone.error().message == "watch pods in ml: too old (410)");
  int count = 0;
  CHECK(api->watch(watch_pods(), [&](std::string_view) { return ++count < 2; }, {}));
  CHECK(count == 2);
}

TEST_CASE("watch: silence, resets and endless lines break it after what came") {
  HttpImposter server;
  server.on("GET", kPath).chunk("a\n").silence();
  server.on("GET", kPath).chunk("a\n").pause(milliseconds(20)).raw("40\r\n{\"ty").reset();
  server.on("GET", kPath).chunk("a\n").pause(milliseconds(20)).raw("40\r\n{\"ty").close();
  const auto api = api_for(server, static_token("t"));
  for (int row = 0; row < 3; ++row) {
    CAPTURE(row);
    Lines lines;
    const Status ended = api->watch(watch_pods(), lines.sink(), {});
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code == ErrorCode::kUnavailable);
    CHECK(ended.error().message.starts_with("watch pods in ml: "));
    CHECK(lines.got == std::vector<std::string>{"a"});
  }
  fakes::Answer& endless = server.on("GET", kPath);
  for (int i = 0; i < 9; ++i)
    endless.chunk(std::string(1U << 20U, 'x'));
  Lines lines;
  const Status long_line = api->watch(watch_pods(), lines.sink(), {});
  REQUIRE_FALSE(long_line);
  CHECK(long_line.error().code == ErrorCode::kInvalid);
  CHECK(long_line.error().message == "watch pods in ml: a line is longer than 8388608 bytes");
}

TEST_CASE("watch: a stop request frees it at once") {
  HttpImposter server;
  server.on("GET", kPath).chunk("a\n").silence();
  const auto api = api_for(server, static_token("t"));
  std::stop_source stop;
  std::chrono::steady_clock::time_point asked;
  const LineSink sink = [&](std::string_view) {
    asked = std::chrono::steady_clock::now();
    stop.request_stop();
    return true;
  };
  const Status ended = api->watch(watch_pods(), sink, stop.get_token());
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == ErrorCode::kCancelled);
  CHECK(std::chrono::steady_clock::now() - asked < milliseconds(100));
}
