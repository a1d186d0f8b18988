#include "base/url.h"

#include <doctest/doctest.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

TEST_CASE("url: keeps the unreserved characters of RFC 3986 and no others") {
  CHECK(percent_encode("AZaz09-._~") == "AZaz09-._~");
  CHECK(percent_encode("a b/c?d=e&f+g%,:*") == "a%20b%2Fc%3Fd%3De%26f%2Bg%25%2C%3A%2A");
  CHECK(percent_encode("\xC3\xA4\x01") == "%C3%A4%01");
}

TEST_CASE("url: keeps the slashes of a path when asked to") {
  CHECK(percent_encode("/a b/c", Keep::kUnreservedAndSlash) == "/a%20b/c");
}

TEST_CASE("url: decoding undoes encoding and leaves what is no escape") {
  for (const char* text : {"", "a b/c?d=e&f+g%,:", "\xC3\xA4\x01", "%41"}) {
    CAPTURE(text);
    CHECK(percent_decode(percent_encode(text)) == text);
  }
  CHECK(percent_decode("%2f%2F+") == "//+");
  CHECK(percent_decode("100%") == "100%");
  CHECK(percent_decode("%4") == "%4");
  CHECK(percent_decode("%zz%41") == "%zzA");
}
