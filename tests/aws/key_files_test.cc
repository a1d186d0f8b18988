#include "aws/key_files.h"

#include "tests/aws/temp_files.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using aws_test::TempFiles;

namespace {

constexpr std::chrono::milliseconds kInterval{5};

/// What the source says after files have changed and enough looks were taken.
Result<aws::Credentials> settled(aws::CredentialSource& source) {
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(2 * kInterval);
    static_cast<void>(source.get());
  }
  return source.get();
}

}  // namespace

TEST_CASE("key files: are followed, and line ends behind keys are no part of them") {
  const TempFiles files;
  const auto source =
      aws::file_credentials({.access_key_id = files.write("id", "first\n"),
                             .secret_access_key = files.write("secret", "hush\r\n")},
                            kInterval);
  REQUIRE(source->get());
  CHECK(source->get()->access_key_id == "first");
  CHECK(source->get()->secret_access_key.reveal() == "hush");
  CHECK(source->get()->session_token.empty());
  files.write("id", "");  // half-written
  CHECK(settled(*source)->access_key_id == "first");
  files.write("id", "second\n");
  CHECK(settled(*source)->access_key_id == "second");
}

TEST_CASE("key files: a session token is followed together with its keys") {
  const TempFiles files;
  const auto source = aws::file_credentials({.access_key_id = files.write("id", "ASIA1"),
                                             .secret_access_key = files.write("secret", "hush1"),
                                             .session_token = files.write("token", "session1\n")},
                                            kInterval);
  REQUIRE(source->get());
  CHECK(source->get()->session_token.reveal() == "session1");
  files.write("id", "ASIA2");
  files.write("secret", "hush2");
  files.write("token", "session2");
  const auto renewed = settled(*source);
  CHECK(renewed->access_key_id == "ASIA2");
  CHECK(renewed->secret_access_key.reveal() == "hush2");
  CHECK(renewed->session_token.reveal() == "session2");
}

TEST_CASE("key files: without usable files there are no keys, and the reason quotes none") {
  const TempFiles files;
  const std::string id = files.write("id", "AKID");
  const std::string secret = files.write("secret", "hush");
  CHECK(aws::file_credentials({.access_key_id = "/nowhere/a", .secret_access_key = "/nowhere/b"})
            ->get()
            .error()
            .code == ErrorCode::kNotFound);
  const auto empty_token = aws::file_credentials({.access_key_id = id,
                                                  .secret_access_key = secret,
                                                  .session_token = files.write("token", "\n")})
                               ->get();
  REQUIRE_FALSE(empty_token);
  CHECK(empty_token.error().code == ErrorCode::kInvalid);
  CHECK(empty_token.error().message.find("hush") == std::string::npos);
}
