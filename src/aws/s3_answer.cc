#include "aws/s3_answer.h"

#include "aws/s3_xml.h"
#include "base/numbers.h"

#include <fmt/format.h>

namespace stagekeeper::aws {
namespace {

Result<XmlElement> root_named(std::string_view body, std::string_view name) {
  Result<XmlElement> root = parse_xml(body);
  if (!root) return root;
  if (root->name != name) {
    return fail(ErrorCode::kInvalid, fmt::format("the answer is not a {}", name));
  }
  return root;
}

Result<LockMode> read_mode(std::string_view text) {
  if (text == "COMPLIANCE") return LockMode::kCompliance;
  if (text == "GOVERNANCE") return LockMode::kGovernance;
  return fail(ErrorCode::kInvalid, "an unknown lock mode");
}

Result<ObjectLock> read_lock(std::string_view mode, std::string_view date) {
  SK_TRY(const LockMode read, read_mode(mode));
  SK_TRY(const TimePoint until, parse_time(date));
  return ObjectLock{.mode = read, .retain_until = until};
}

}  // namespace

Result<VersionPage> read_version_page(std::string_view body, const VersionMarker& from) {
  SK_TRY(const XmlElement root, root_named(body, "ListVersionsResult"));
  VersionPage page;
  for (const XmlElement& element : root.children) {
    const bool marker = element.name == "DeleteMarker";
    if (!marker && element.name != "Version") continue;
    VersionEntry entry{.key = std::string(element.child_text("Key")),
                       .version_id = std::string(element.child_text("VersionId")),
                       .is_latest = element.child_text("IsLatest") == "true",
                       .delete_marker = marker};
    if (entry.key.empty() || entry.version_id.empty()) {
      return fail(ErrorCode::kInvalid, "a listed version has no key or no version id");
    }
    page.entries.push_back(std::move(entry));
  }
  const std::string_view truncated = root.child_text("IsTruncated");
  if (truncated == "false") return page;
  if (truncated != "true") {
    return fail(ErrorCode::kInvalid, "a listing does not say whether it is complete");
  }
  VersionMarker next{.key_marker = std::string(root.child_text("NextKeyMarker")),
                     .version_id_marker = std::string(root.child_text("NextVersionIdMarker"))};
  // Pages must move forward, or the reader would go round for ever.
  if (next.key_marker.empty() || next == from || next.key_marker < from.key_marker) {
    return fail(ErrorCode::kInvalid, "a listing is truncated and does not go forward");
  }
  page.next = std::move(next);
  return page;
}

Result<ObjectPage> read_object_page(std::string_view body, std::string_view token) {
  SK_TRY(const XmlElement root, root_named(body, "ListBucketResult"));
  ObjectPage page;
  for (const XmlElement& element : root.children) {
    if (element.name != "Contents") continue;
    const auto size = whole_number<std::uint64_t>(element.child_text("Size"));
    if (element.child_text("Key").empty() || !size)
      return fail(ErrorCode::kInvalid, "a listed object has no key or no size");
    page.entries.push_back({.key = std::string(element.child_text("Key")), .size_bytes = *size});
  }
  const std::string_view truncated = root.child_text("IsTruncated");
  if (truncated == "false") return page;
  page.next = root.child_text("NextContinuationToken");
  if (truncated != "true" || page.next.empty() || page.next == token)
    return fail(ErrorCode::kInvalid, "a listing does not say how it goes on");
  return page;
}

Result<ObjectLock> read_retention(std::string_view body) {
  SK_TRY(const XmlElement root, parse_xml(body));
  // AWS says Retention; versitygw calls the same thing by the name of its type.
  if (root.name != "Retention" && root.name != "ObjectLockRetention") {
    return fail(ErrorCode::kInvalid, "the answer is not a Retention");
  }
  if (root.child("Mode") == nullptr && root.child("RetainUntilDate") == nullptr) {
    return ObjectLock{};
  }
  return read_lock(root.child_text("Mode"), root.child_text("RetainUntilDate"));
}

Result<BucketLock> read_bucket_lock(std::string_view body) {
  SK_TRY(const XmlElement root, root_named(body, "ObjectLockConfiguration"));
  BucketLock lock{.enabled = root.child_text("ObjectLockEnabled") == "Enabled"};
  const XmlElement* rule = root.child("Rule");
  const XmlElement* retention = rule == nullptr ? nullptr : rule->child("DefaultRetention");
  if (retention != nullptr) {
    SK_TRY(const LockMode mode, read_mode(retention->child_text("Mode")));
    lock.default_mode = mode;
  }
  return lock;
}

Result<bool> read_versioning(std::string_view body) {
  SK_TRY(const XmlElement root, root_named(body, "VersioningConfiguration"));
  return root.child_text("Status") == "Enabled";
}

Result<ObjectHead> read_head(const http::Response& response) {
  const auto header = [&](std::string_view name) {
    return http::header_value(response.headers, name);
  };
  ObjectHead head{.version_id = std::string(header("x-amz-version-id")),
                  .checksum_sha256 = std::string(header("x-amz-checksum-sha256"))};
  const auto length = whole_number<std::uint64_t>(header("Content-Length"));
  head.size_bytes = length.value_or(0);
  const std::string_view mode = header("x-amz-object-lock-mode");
  if (mode.empty()) return head;
  SK_TRY(const ObjectLock lock, read_lock(mode, header("x-amz-object-lock-retain-until-date")));
  head.lock = lock;
  return head;
}

}  // namespace stagekeeper::aws
