#include "tests/aws/issuers.h"

#include <doctest/doctest.h>

#include <functional>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using aws_test::Issuer;
using aws_test::tells_secrets;
using fakes::Answer;

namespace {

constexpr Issuer::Kind kKinds[] = {Issuer::Kind::kWebIdentity, Issuer::Kind::kContainer,
                                   Issuer::Kind::kInstance};

/// How an issuer fails, and what that is to whoever asks.
struct Fault {
  const char* what;
  std::function<void(Answer&, const Issuer&)> script;
  ErrorCode code;
};

const Fault kFaults[] = {
    {"has ended already",
     [](Answer& a, const Issuer& i) { a.body(i.body("OLD", "2026-03-03T09:15:00Z")); },
     ErrorCode::kUnavailable},
    {"is silent", [](Answer& a, const Issuer&) { a.silence(); }, ErrorCode::kUnavailable},
    {"resets", [](Answer& a, const Issuer&) { a.reset(); }, ErrorCode::kUnavailable},
    {"500", [](Answer& a, const Issuer&) { a.status(500).body("oops"); }, ErrorCode::kUnavailable},
    {"503 that echoes",
     [](Answer& a, const Issuer&) { a.status(503).body("token was " + aws_test::kToken); },
     ErrorCode::kUnavailable},
    {"429", [](Answer& a, const Issuer&) { a.status(429); }, ErrorCode::kThrottled},
    {"403", [](Answer& a, const Issuer&) { a.status(403).body("<html>no</html>"); },
     ErrorCode::kDenied},
    {"garbage", [](Answer& a, const Issuer&) { a.body("\x01\x02 not it"); },
     ErrorCode::kUnavailable},
    {"empty", [](Answer& a, const Issuer&) { a.body(""); }, ErrorCode::kUnavailable},
    {"cut short",
     [](Answer& a, const Issuer& i) {
       const std::string whole = i.body("AKID", Issuer::kEnd);
       a.body(whole.substr(0, whole.size() - 20));
     },
     ErrorCode::kUnavailable},
    {"oversized",
     [](Answer& a, const Issuer& i) {
       a.body(i.body("AKID", Issuer::kEnd) + std::string(80'000, ' '));
     },
     ErrorCode::kTooLarge},
    {"without the access key", [](Answer& a, const Issuer& i) { a.body(i.body("", Issuer::kEnd)); },
     ErrorCode::kUnavailable},
    {"with a line end in a key",
     [](Answer& a, const Issuer& i) { a.body(i.body("AK ID", Issuer::kEnd)); },
     ErrorCode::kUnavailable},
    {"with an end that is no time", [](Answer& a, const Issuer& i) { a.body(i.body("A", "soon")); },
     ErrorCode::kUnavailable},
    {"another content", [](Answer& a, const Issuer&) { a.body("<a/>"); }, ErrorCode::kUnavailable},
    {"another content in JSON", [](Answer& a, const Issuer&) { a.body("[1,2]"); },
     ErrorCode::kUnavailable},
    {"redirects",
     [](Answer& a, const Issuer&) { a.status(302).header("Location", "http://127.0.0.1:1/"); },
     ErrorCode::kDenied},
};

}  // namespace

TEST_CASE("issuers: good answers are credentials with an end") {
  for (const Issuer::Kind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    Issuer issuer(kind);
    issuer.good("ASIA1");
    const auto got = issuer.source->get();
    REQUIRE_MESSAGE(got, got.error().message);
    CHECK(got->access_key_id == "ASIA1");
    CHECK(got->secret_access_key.reveal() == aws_test::kSecretKey);
    CHECK(got->session_token.reveal() == aws_test::kSession);
    CHECK(got->expires_at == parse_time(Issuer::kEnd).value());
  }
}

TEST_CASE("issuers: every failure is an error that tells no secret, and the next answer counts") {
  for (const Issuer::Kind kind : kKinds) {
    for (const Fault& fault : kFaults) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(fault.what);
      Issuer issuer(kind);
      fault.script(issuer.answer(), issuer);
      const auto got = issuer.source->get();
      REQUIRE_FALSE(got);
      CAPTURE(got.error().message);
      const bool redirect = std::string_view(fault.what) == "redirects";
      if (!redirect) CHECK(got.error().code == fault.code);
      CHECK_FALSE(tells_secrets(got.error().message));
      issuer.clock.advance(std::chrono::seconds(2));
      issuer.good("ASIA2");
      const auto again = issuer.source->get();
      REQUIRE_MESSAGE(again, again.error().message);
      CHECK(again->access_key_id == "ASIA2");
    }
  }
}

TEST_CASE("issuers: while they fail, good credentials serve until they end") {
  for (const Issuer::Kind kind : kKinds) {
    for (const Fault& fault : kFaults) {
      CAPTURE(static_cast<int>(kind));
      CAPTURE(fault.what);
      Issuer issuer(kind);
      issuer.good("ASIA1");
      REQUIRE(issuer.source->get());
      issuer.clock.advance(std::chrono::minutes(356));
      fault.script(issuer.answer(), issuer);
      CHECK(issuer.source->get()->access_key_id == "ASIA1");
      issuer.clock.advance(std::chrono::minutes(5));
      issuer.answer().always().status(500);
      CHECK_FALSE(issuer.source->get());
    }
  }
}

TEST_CASE("issuers: a slow answer is waited for as long as something comes") {
  for (const Issuer::Kind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    Issuer issuer(kind);
    const std::string body = issuer.body("ASIA1", Issuer::kEnd);
    Answer& answer = issuer.answer();
    for (std::size_t at = 0; at < body.size(); at += 100)
      answer.chunk(body.substr(at, 100)).pause(std::chrono::milliseconds(20));
    const auto got = issuer.source->get();
    REQUIRE_MESSAGE(got, got.error().message);
    CHECK(got->access_key_id == "ASIA1");
  }
}
