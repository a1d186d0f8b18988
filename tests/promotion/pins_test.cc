#include "promotion/pins.h"

#include "fixtures.h"

#include <doctest/doctest.h>

#include <limits>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace fixtures;                // NOLINT(google-build-using-namespace)

TEST_CASE("pins: variables are filled in once, and what they hold is never searched again") {
  ServingTarget target = serving_target();
  target.pin = {{.name = "A", .value = "models:/${model}/${version}"},
                {.name = "B", .value = "${artifactUri}#${digest}"},
                {.name = "C", .value = "${version}${version}"},
                {.name = "D", .value = "plain"}};
  VersionRef version = version_ref("2");
  version.artifact_uri = "s3://m/${version}/$(HOME)";
  const std::vector<EnvVar> pins = render_pins(target, version);
  REQUIRE(pins.size() == 4);
  CHECK(pins[0] == EnvVar{.name = "A", .value = "models:/credit-risk/2"});
  CHECK(pins[1].value == "s3://m/${version}/$(HOME)#" + digest_of('2'));
  CHECK(pins[2].value == "22");
  CHECK(pins[3].value == "plain");
  CHECK(render_pins(target, {}).empty());
}

TEST_CASE("pins: match exactly, in the right container, and no version means none of them") {
  struct Row {
    std::string spoiled;
    void (*spoil)(Deployment&);
  };

  const Row rows[] = {
      {"value", [](Deployment& d) { d.containers[0].env[0].value = "3"; }},
      {"digest", [](Deployment& d) { d.containers[0].env[2].value = digest_of('3'); }},
      {"one missing", [](Deployment& d) { d.containers[0].env.pop_back(); }},
      {"from a source", [](Deployment& d) { d.containers[0].env[0].from_source = true; }},
      {"container", [](Deployment& d) { d.containers[0].container = "sidecar"; }},
      {"no container", [](Deployment& d) { d.containers.clear(); }},
  };
  const ServingTarget target = serving_target();
  Deployment d = deployment("2", 4);
  d.containers[0].env.insert(d.containers[0].env.begin(), {.name = "PORT", .value = "8080"});
  CHECK(pins_match(d, target, version_ref("2")));
  CHECK_FALSE(pins_match(d, target, version_ref("1")));
  CHECK_FALSE(pins_match(d, target, {}));
  CHECK(pins_match(deployment("", 0), target, {}));
  for (const Row& row : rows) {
    CAPTURE(row.spoiled);
    Deployment spoiled = deployment("2", 4);
    row.spoil(spoiled);
    CHECK_FALSE(pins_match(spoiled, target, version_ref("2")));
  }
}

TEST_CASE("pins: a sequence that is no number stands above all") {
  Deployment d = deployment("2", 0);
  CHECK(pinned_sequence(d) == 0);
  const auto bears = [&](const std::string& text) {
    d.meta.annotations[kSequenceAnnotation] = text;
    return pinned_sequence(d);
  };
  CHECK(bears("42") == 42);
  for (const char* text : {"", "4x", "-1", " 4", "99999999999999999999"}) {
    CAPTURE(std::string(text));
    CHECK(bears(text) == std::numeric_limits<std::uint64_t>::max());
  }
}
