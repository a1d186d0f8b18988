#include "base/crypto.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace): tests read better without
                              // prefix

namespace {

// RFC 8032 §7.1 test 1 as PKCS#8 (RFC 8410 framing around the 32-byte seed).
constexpr const char* kRfc8032Test1 =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

}  // namespace

TEST_CASE("sha256: the published vectors of FIPS 180-4") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 pieces;
  pieces.update("a");
  pieces.update("bc");
  CHECK(pieces.finish() == sha256_digest("abc"));
}

TEST_CASE("hmac_sha256: RFC 4231 test case 2") {
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("is_digest: only sha256 and 64 lower-case digits") {
  CHECK(is_digest(sha256_digest("x").str()));
  CHECK_FALSE(is_digest("sha256:"));
  CHECK_FALSE(is_digest(std::string("sha256:") + std::string(64, 'A')));
  CHECK_FALSE(is_digest(std::string("sha512:") + std::string(64, 'a')));
}

TEST_CASE("base64: round trip, and strict about what it accepts") {
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    CHECK(base64_decode(base64_encode(text)).value() == text);
  }
  for (const char* bad : {"Zg", "Zg=", "Z===", "Zh==", "Zg==\n", "Z g=", "===="}) {
    CAPTURE(bad);
    CHECK_FALSE(base64_decode(bad));
  }
}

TEST_CASE("ed25519: signs RFC 8032 test 1 and refuses a changed byte") {
  const auto key = SigningKey::from_pem(kRfc8032Test1);
  REQUIRE(key);
  CHECK(hex(key->sign("")) ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46b"
        "d25bf5f0595bbe24655141438e7a100b");
  const auto verify = VerifyKey::from_pem(key->public_pem());
  REQUIRE(verify);
  CHECK(verify->key_id() == key->key_id());
  const std::string signature = key->sign("record");
  CHECK(verify->verify("record", signature));
  CHECK_FALSE(verify->verify("recorD", signature));
  CHECK_FALSE(verify->verify("record", signature.substr(1)));
}

TEST_CASE("signing key: a wrong file is named without being quoted") {
  const auto none = SigningKey::from_pem("secret-content");
  REQUIRE_FALSE(none);
  CHECK(none.error().message.find("secret-content") == std::string::npos);
}
