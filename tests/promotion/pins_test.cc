#include "promotion/pins.h"

#include "people_fixtures.h"

#include <doctest/doctest.h>

#include <limits>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using namespace people;                  // NOLINT(google-build-using-namespace)

TEST_CASE("pins: variables are filled in once, and what they hold is never searched again") {
  ServingTarget t = target();
  t.pin = {{.container = "a", .name = "A", .value = "models:/${model}/${version}"},
           {.container = "a", .name = "B", .value = "${artifactUri}#${digest}"},
           {.container = "b", .name = "C", .value = "${version}${version}"},
           {.container = "b", .name = "D", .value = "plain"}};
  VersionRef version = version_ref("2");
  version.artifact_uri = "s3://m/${version}/$(HOME)";
  const std::vector<RenderedPin> pins = render_pins(t, version);
  REQUIRE(pins.size() == 4);
  CHECK(pins[0] == RenderedPin{.container = "a", .name = "A", .value = "models:/credit-risk/2"});
  CHECK(pins[1].value == "s3://m/${version}/$(HOME)#" + sha('2'));
  CHECK(pins[2] == RenderedPin{.container = "b", .name = "C", .value = "22"});
  CHECK(pins[3].value == "plain");
  CHECK(render_pins(t, {}).empty());
}

TEST_CASE("pins: held exactly, each in its container, and no version means none of them") {
  struct Row {
    std::string spoiled;
    void (*spoil)(Deployment&);
  };

  const Row rows[] = {
      {"value", [](Deployment& d) { d.containers[1].env[0].value = "3"; }},
      {"value in the init container", [](Deployment& d) { d.containers[0].env[1].value = "x"; }},
      {"one missing", [](Deployment& d) { d.containers[0].env.pop_back(); }},
      {"from a source", [](Deployment& d) { d.containers[1].env[0].from_source = true; }},
      {"container", [](Deployment& d) { d.containers[1].name = "sidecar"; }},
      {"no container", [](Deployment& d) { d.containers.clear(); }},
      {"a second entry, which the kubelet takes",
       [](Deployment& d) {
         d.containers[1].env.push_back({.name = "MODEL_VERSION", .value = "9"});
       }},
  };
  const ServingTarget t = target();
  Deployment d = deployment("2", 4);
  d.containers[1].env.insert(d.containers[1].env.begin(), {.name = "PORT", .value = "8080"});
  CHECK(holds_pins(d, t, version_ref("2")));
  CHECK_FALSE(holds_pins(d, t, version_ref("1")));
  CHECK_FALSE(holds_pins(d, t, VersionRef{}));
  CHECK(holds_pins(deployment("", 0), t, VersionRef{}));
  for (const Row& row : rows) {
    CAPTURE(row.spoiled);
    Deployment spoiled = deployment("2", 4);
    row.spoil(spoiled);
    CHECK_FALSE(holds_pins(spoiled, t, version_ref("2")));
  }
}

TEST_CASE("pins: a container that the template lacks is named") {
  Deployment d = deployment("2", 4);
  CHECK(missing_container(d, target()).empty());
  CHECK(lacks_text(d, "model").ends_with("has no container model (it has load (init), server)"));
  d.containers.erase(d.containers.begin());
  CHECK(missing_container(d, target()) == "load");
  CHECK_FALSE(holds_pins(d, target(), VersionRef{}));
}

TEST_CASE("pins: a sequence that is no number stands above all") {
  Deployment d = deployment("2", 0);
  CHECK(pinned_sequence(d) == 0);
  const auto bears = [&](const std::string& text) {
    d.meta.annotations[kSequenceAnnotation] = text;
    return pinned_sequence(d);
  };
  CHECK(bears("42") == 42);
  for (const char* text : {"", "4x", "-1", " 4", "042", "99999999999999999999"}) {
    CAPTURE(std::string(text));
    CHECK(bears(text) == std::numeric_limits<std::uint64_t>::max());
  }
}
