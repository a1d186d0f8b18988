#include "kube/objects.h"

#include "tests/fakes/fake_api.h"

#include <doctest/doctest.h>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::kube;  // NOLINT(google-build-using-namespace)

namespace {

const ObjectKey kKey{"credit", "g-1"};

nlohmann::json job(const char* name, const char* uid) {
  return {{"metadata", {{"name", name}, {"namespace", "credit"}, {"uid", uid}}}};
}

}  // namespace

TEST_CASE("objects: what does not exist is nothing, not an error") {
  fakes::FakeApi api;
  const Objects<Job> jobs(api);
  CHECK_FALSE(jobs.get(kKey).value());
  CHECK_FALSE(jobs.read(kKey).value());
  CHECK_FALSE(jobs.head(kKey).value());
  CHECK(jobs.list("credit").value().empty());
}

TEST_CASE("objects: each type is asked for where it is served") {
  fakes::FakeApi api;
  api.put(type_of<Job>(), job("g-1", "u1"));
  CHECK(Objects<Job>(api).get(kKey).value()->meta.uid == "u1");
  CHECK_FALSE(Objects<Deployment>(api).get(kKey).value());
  CHECK(api.calls_with("/apis/batch/v1/namespaces/credit/jobs/g-1") == 1);
  CHECK(api.calls_with("/apis/apps/v1/namespaces/credit/deployments/g-1") == 1);
}

TEST_CASE("objects: a list with one object that cannot be read is no list") {
  fakes::FakeApi api;
  api.put(type_of<Job>(), job("g-1", "u1"));
  api.put(type_of<Job>(), job("g-2", ""));
  const auto found = Objects<Job>(api).list("credit");
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::kCorrupt);
}

TEST_CASE("objects: deleting what is gone, or was replaced, is done and harms nobody") {
  fakes::FakeApi api;
  api.put(type_of<Job>(), job("g-1", "u2"));
  const Objects<Job> jobs(api);
  CHECK(jobs.remove(kKey, "u1"));
  CHECK(jobs.get(kKey).value());
  CHECK(jobs.remove(kKey, "u2"));
  CHECK_FALSE(jobs.get(kKey).value());
  CHECK(jobs.remove(kKey, "u2"));
  api.inject({.pattern = "DELETE", .error = {ErrorCode::kDenied, "no"}});
  CHECK_FALSE(jobs.remove(kKey, "u2"));
}
