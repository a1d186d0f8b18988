#include "aws/s3_answer.h"

#include "aws/s3_xml.h"

#include <array>
#include <charconv>
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
  const Result<LockMode> read = read_mode(mode);
  if (!read) return tl::unexpected(read.error());
  const Result<TimePoint> until = parse_time(date);
  if (!until) return tl::unexpected(until.error());
  return ObjectLock{.mode = *read, .retain_until = *until};
}

std::string_view header(const http::Response& response, std::string_view name) {
  const auto found = response.headers.find(name);
  return found == response.headers.end() ? std::string_view() : std::string_view(found->second);
}

bool read_number(std::string_view text, int& out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<VersionPage> read_version_page(std::string_view body, const VersionMarker& from) {
  const Result<XmlElement> root = root_named(body, "ListVersionsResult");
  if (!root) return tl::unexpected(root.error());
  VersionPage page;
  for (const XmlElement& element : root->children) {
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
  const std::string_view truncated = root->child_text("IsTruncated");
  if (truncated == "false") return page;
  if (truncated != "true") {
    return fail(ErrorCode::kInvalid, "a listing does not say whether it is complete");
  }
  VersionMarker next{.key_marker = std::string(root->child_text("NextKeyMarker")),
                     .version_id_marker = std::string(root->child_text("NextVersionIdMarker"))};
  // Pages must move forward, or the reader would go round for ever.
  if (next.key_marker.empty() || next == from || next.key_marker < from.key_marker) {
    return fail(ErrorCode::kInvalid, "a listing is truncated and does not go forward");
  }
  page.next = std::move(next);
  return page;
}

Result<ObjectLock> read_retention(std::string_view body) {
  const Result<XmlElement> root = parse_xml(body);
  if (!root) return tl::unexpected(root.error());
  // AWS says Retention; versitygw calls the same thing by the name of its type.
  if (root->name != "Retention" && root->name != "ObjectLockRetention") {
    return fail(ErrorCode::kInvalid, "the answer is not a Retention");
  }
  if (root->child("Mode") == nullptr && root->child("RetainUntilDate") == nullptr) {
    return ObjectLock{};
  }
  return read_lock(root->child_text("Mode"), root->child_text("RetainUntilDate"));
}

Result<BucketLock> read_bucket_lock(std::string_view body) {
  const Result<XmlElement> root = root_named(body, "ObjectLockConfiguration");
  if (!root) return tl::unexpected(root.error());
  BucketLock lock{.enabled = root->child_text("ObjectLockEnabled") == "Enabled"};
  const XmlElement* rule = root->child("Rule");
  const XmlElement* retention = rule == nullptr ? nullptr : rule->child("DefaultRetention");
  if (retention != nullptr) {
    const Result<LockMode> mode = read_mode(retention->child_text("Mode"));
    if (!mode) return tl::unexpected(mode.error());
    lock.default_mode = *mode;
  }
  return lock;
}

Result<bool> read_versioning(std::string_view body) {
  const Result<XmlElement> root = root_named(body, "VersioningConfiguration");
  if (!root) return tl::unexpected(root.error());
  return root->child_text("Status") == "Enabled";
}

Result<ObjectHead> read_head(const http::Response& response) {
  ObjectHead head{.version_id = std::string(header(response, "x-amz-version-id")),
                  .checksum_sha256 = std::string(header(response, "x-amz-checksum-sha256"))};
  const std::string_view length = header(response, "Content-Length");
  std::from_chars(length.data(), length.data() + length.size(), head.size_bytes);
  const std::string_view mode = header(response, "x-amz-object-lock-mode");
  if (mode.empty()) return head;
  const Result<ObjectLock> lock =
      read_lock(mode, header(response, "x-amz-object-lock-retain-until-date"));
  if (!lock) return tl::unexpected(lock.error());
  head.lock = *lock;
  return head;
}

Result<TimePoint> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr std::size_t kLength = 29;
  const auto bad = [] { return fail(ErrorCode::kInvalid, "not an HTTP date"); };
  if (text.size() != kLength || !text.ends_with(" GMT")) return bad();
  std::size_t month = 0;
  while (month < kMonths.size() && kMonths[month] != text.substr(8, 3))
    ++month;
  int day = 0;
  int year = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  const bool numbers =
      read_number(text.substr(5, 2), day) && read_number(text.substr(12, 4), year) &&
      read_number(text.substr(17, 2), hour) && read_number(text.substr(20, 2), minute) &&
      read_number(text.substr(23, 2), second);
  if (!numbers || month == kMonths.size()) return bad();
  return parse_time(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month + 1, day, hour,
                                minute, second));
}

}  // namespace stagekeeper::aws
