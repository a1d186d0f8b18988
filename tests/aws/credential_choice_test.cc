#include "aws/credential_choice.h"

#include "tests/aws/issuers.h"
#include "tests/fakes/test_pki.h"

#include <doctest/doctest.h>

#include <map>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using aws::SourceKind;
using aws_test::Issuer;

namespace {

using Variables = std::map<std::string, std::string>;

struct Bench {
  fakes::HttpImposter imposter;
  fakes::ManualClock clock{aws_test::kNow};
  aws_test::TempFiles files;

  Result<std::shared_ptr<aws::CredentialSource>> choose(const Variables& variables,
                                                        aws::SourceOptions options = {}) {
    return aws::choose_credentials(
        options,
        [&](const char* name) {
          const auto found = variables.find(name);
          return found == variables.end() ? std::string() : found->second;
        },
        clock);
  }

  /// The access key of what is chosen, or the error.
  std::string key(const Variables& variables, aws::SourceOptions options = {}) {
    const auto source = choose(variables, std::move(options));
    if (!source) return "error: " + source.error().message;
    const auto got = (*source)->get();
    return got ? got->access_key_id : "error: " + got.error().message;
  }
};

}  // namespace

TEST_CASE("choice: the first that the environment sets up, in the order of the SDKs") {
  Bench b;
  const std::string origin = b.imposter.origin();
  b.imposter.on("POST", "/").always().body(aws_test::xml_keys("WEB", Issuer::kEnd));
  b.imposter.on("GET", "/c").always().body(aws_test::json_keys("CONTAINER", Issuer::kEnd));
  b.imposter.on("PUT", "/latest/api/token").always().body("t");
  b.imposter.on("GET", Issuer::kRoles).always().body("r");
  b.imposter.on("GET", Issuer::kRoles + "r")
      .always()
      .body(aws_test::json_keys("INSTANCE", Issuer::kEnd, R"("Code":"Success",)"));
  Variables all{{"AWS_ACCESS_KEY_ID", "ENV\n"},
                {"AWS_SECRET_ACCESS_KEY", "hush"},
                {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"},
                {"AWS_WEB_IDENTITY_TOKEN_FILE", b.files.write("token", "t.o.k")},
                {"AWS_ENDPOINT_URL_STS", origin + "/"},
                {"AWS_CONTAINER_CREDENTIALS_FULL_URI", origin + "/c"},
                {"AWS_EC2_METADATA_SERVICE_ENDPOINT", origin}};
  CHECK(b.key(all) == "ENV");
  all.erase("AWS_ACCESS_KEY_ID");
  CHECK(b.key(all).find("set together") != std::string::npos);
  all.erase("AWS_SECRET_ACCESS_KEY");
  CHECK(b.key(all) == "WEB");
  CHECK(b.key(all, {.kind = SourceKind::kContainer}) == "CONTAINER");
  CHECK(b.key(all, {.kind = SourceKind::kInstance}) == "INSTANCE");
  all.erase("AWS_ROLE_ARN");
  CHECK(b.key(all) == "CONTAINER");
  CHECK(b.key(all, {.kind = SourceKind::kWebIdentity}).find("annotated") != std::string::npos);
  CHECK(b.key(all, {.kind = SourceKind::kWebIdentity, .role_arn = "arn:aws:iam::1:role/r"}) ==
        "WEB");
  all.erase("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  CHECK(b.key(all) == "INSTANCE");
  all["AWS_EC2_METADATA_DISABLED"] = "True";
  CHECK(b.key(all).find("no credentials") != std::string::npos);
}

TEST_CASE("choice: keys in files need nothing of the environment") {
  Bench b;
  const aws::SourceOptions options{.kind = SourceKind::kFiles,
                                   .files = {.access_key_id = b.files.write("id", "FILE\n"),
                                             .secret_access_key = b.files.write("secret", "hush")}};
  CHECK(b.key({{"AWS_ACCESS_KEY_ID", "ENV"}, {"AWS_SECRET_ACCESS_KEY", "x"}}, options) == "FILE");
}

TEST_CASE("choice: no issuer can fill the memory") {
  Bench b;
  b.imposter.on("GET", "/c")
      .body(aws_test::json_keys("BIG", Issuer::kEnd) + std::string(100'000, ' '));
  CHECK(b.key({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", b.imposter.origin() + "/c"}})
            .find("larger than 65536") != std::string::npos);
}

TEST_CASE("choice: a token is not sent in clear over a network, and STS needs a region") {
  Bench b;
  const std::string token = b.files.write("token", "t.o.k");
  Variables web{{"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"}, {"AWS_WEB_IDENTITY_TOKEN_FILE", token}};
  CHECK(b.key(web).find("not a region") != std::string::npos);
  CHECK(b.choose(web, {.region = "eu-central-1"}));
  web["AWS_ENDPOINT_URL_STS"] = "http://sts.example";
  CHECK(b.key(web).find("https://") != std::string::npos);
  web["AWS_ENDPOINT_URL_STS"] = "https://sts.example/path";
  CHECK_FALSE(b.choose(web));
}

TEST_CASE("choice: an STS that was named is verified by the authorities that were named") {
  const fakes::TestCa ca("good");
  const fakes::TestCa other("other");
  const auto tls = ca.issue({.ip = "127.0.0.1"});
  fakes::HttpImposter sts({.cert_pem = tls.cert_pem, .key_pem = tls.key_pem});
  sts.on("POST", "/").always().body(aws_test::xml_keys("WEB", Issuer::kEnd));
  Bench b;
  aws::SourceOptions options{.kind = SourceKind::kWebIdentity,
                             .role_arn = "arn:aws:iam::1:role/r",
                             .token_file = b.files.write("token", "t.o.k"),
                             .sts_endpoint = sts.origin(),
                             .ca_file = b.files.write("ca", ca.pem())};
  CHECK(b.key({}, options) == "WEB");
  options.ca_file = b.files.write("ca2", other.pem());
  CHECK(b.key({}, options).starts_with("error"));
  options.ca_file.clear();
  CHECK(b.key({}, options).starts_with("error"));
  CHECK(sts.requests().size() == 1);
}
