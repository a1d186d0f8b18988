#include "http/reloading_client.h"

#include "tests/fakes/http_imposter.h"
#include "tests/fakes/test_pki.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::http;  // NOLINT(google-build-using-namespace)
using fakes::CertificateAndKey;
using fakes::HttpImposter;
using fakes::TestCa;
using std::chrono::milliseconds;

namespace {

const Request kGet{.method = "GET", .target = "/", .headers = {}, .body = ""};

struct CaFile {
  std::string path = std::filesystem::temp_directory_path() /
                     ("reloading-client-" + std::to_string(getpid()) + ".pem");

  explicit CaFile(const std::string& text) { write(text); }

  CaFile(const CaFile&) = delete;
  CaFile& operator=(const CaFile&) = delete;
  CaFile(CaFile&&) = delete;
  CaFile& operator=(CaFile&&) = delete;

  ~CaFile() { std::filesystem::remove(path); }

  void write(const std::string& text) const { std::ofstream(path, std::ios::trunc) << text; }
};

bool eventually_answers(Client& client) {
  for (int i = 0; i < 500; ++i) {
    if (client.send(kGet)) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_CASE("reloading client: follows its authorities, and never trusts half a file") {
  const TestCa before("before");
  const TestCa after("after");
  const CertificateAndKey leaf = after.issue({.ip = "127.0.0.1"});
  HttpImposter server({.cert_pem = leaf.cert_pem, .key_pem = leaf.key_pem});
  server.on("GET", "/").always().body("fine");
  const CaFile file(before.pem());
  const auto client = make_reloading_client({.origin = server.origin()},
                                            {.ca = file.path, .interval = milliseconds(10)})
                          .value();
  CHECK_FALSE(client->send(kGet));
  for (const std::string& half : {std::string(), after.pem().substr(0, 200)}) {
    file.write(half);
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(milliseconds(15));
      CHECK_FALSE(client->send(kGet));
    }
  }
  file.write(after.pem());
  CHECK(eventually_answers(*client));
  file.write("");
  std::this_thread::sleep_for(milliseconds(30));
  CHECK(client->send(kGet));
}

TEST_CASE("reloading client: a file that cannot be used at the start is an error") {
  const CaFile empty("");
  CHECK(make_reloading_client({.origin = "https://127.0.0.1"}, {.ca = empty.path}).error().code ==
        ErrorCode::kInvalid);
  CHECK(make_reloading_client({.origin = "https://127.0.0.1"}, {.ca = "/nowhere/ca.pem"})
            .error()
            .code == ErrorCode::kNotFound);
  CHECK(make_reloading_client({.origin = "https://127.0.0.1"}, {}));
}

TEST_CASE("reloading client: takes a bundle of all public authorities") {
  const TestCa ca("one of many");
  std::string bundle;
  while (bundle.size() < 400'000)
    bundle += ca.pem();
  const CaFile file(bundle);
  CHECK(make_reloading_client({.origin = "https://127.0.0.1"}, {.ca = file.path}));
}
