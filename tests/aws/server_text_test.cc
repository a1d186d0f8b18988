#include "aws/server_text.h"

#include <doctest/doctest.h>

using stagekeeper::aws::server_text;

TEST_CASE("server text: words stay, whatever may be a key goes") {
  CHECK(server_text("Not authorized to perform sts:AssumeRoleWithWebIdentity") ==
        "Not authorized to perform sts:AssumeRoleWithWebIdentity");
  CHECK(server_text("key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY is wrong") == "key […] is wrong");
  CHECK(server_text("token=" + std::string(2000, 'x') + "!") == "[…]!");
  CHECK(server_text("short secret", "secret") == "short […]");
  CHECK(server_text("aaa", "a") == "[…][…][…]");
  CHECK(server_text("two\nlines\x01") == "two lines?");
  CHECK(server_text(std::string(39, 'x')) == std::string(39, 'x'));
  CHECK(server_text("").empty());
}
