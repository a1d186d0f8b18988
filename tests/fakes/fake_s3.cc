#include "tests/fakes/fake_s3.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::fakes {
namespace {

constexpr const char* kLocked = "Access Denied because object protected by object lock.";

/// The value of a query parameter, with %2F and the like undone.
std::string parameter(const std::string& target, const std::string& name) {
  const std::size_t mark = target.find('?');
  if (mark == std::string::npos) return {};
  const std::string query = "&" + target.substr(mark + 1) + "&";
  const std::size_t start = query.find("&" + name + "=");
  if (start == std::string::npos) return {};
  const std::size_t begin = start + name.size() + 2;
  std::string out;
  for (std::size_t i = begin; query[i] != '&'; ++i) {
    if (query[i] != '%') {
      out += query[i];
      continue;
    }
    out += static_cast<char>(std::stoi(query.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

bool asks(const std::string& target, const std::string& what) {
  return target.find("?" + what + "=") != std::string::npos ||
         target.find("&" + what + "=") != std::string::npos;
}

std::string key_of(const std::string& target) {
  const std::string path = target.substr(0, target.find('?'));
  const std::size_t slash = path.find('/', 1);
  return slash == std::string::npos ? std::string() : path.substr(slash + 1);
}

std::string http_date(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("Mon, {:02} {} {:04} {:02}:{:02}:{:02} GMT", static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

http::Response ok(std::string body = {}) {
  return {.status = 200, .headers = {}, .body = std::move(body)};
}

}  // namespace

http::Response s3_error_answer(int status, const std::string& code, const std::string& message) {
  return {.status = status,
          .headers = {{"Content-Type", "application/xml"}},
          .body = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code>"
                              "<Message>{}</Message></Error>",
                              code, message)};
}

Result<http::Response> FakeS3::send(const http::Request& request) {
  requests.push_back(request);
  std::optional<http::Response> response;
  if (instead) response = instead(request);
  if (!response) {
    const std::string key = key_of(request.target);
    const std::string version = parameter(request.target, "versionId");
    const bool retention = asks(request.target, "retention");
    if (asks(request.target, "versions")) {
      response = list(request.target);
    } else if (request.method == "PUT" && retention) {
      response = put_retention(request, key, version);
    } else if (request.method == "PUT") {
      response = put(request, key);
    } else if (request.method == "DELETE") {
      response = remove(key, version);
    } else {
      response = get(key, version, retention);
    }
  }
  response->headers.emplace("Date", http_date(clock_.now() + store_.clock_ahead));
  return *response;
}

Result<http::Response> FakeS3::stream(const http::Request& request, const http::BodySink& sink,
                                      std::stop_token /*stop*/) {
  Result<http::Response> response = send(request);
  if (response && response->status == 200) {
    sink(response->body);
    response->body.clear();
  }
  return response;
}

http::Response FakeS3::put(const http::Request& request, const std::string& key) {
  if (!quirks.may_write) return s3_error_answer(403, "AccessDenied", "Access Denied");
  const TimePoint until =
      parse_time(request.headers.at("x-amz-object-lock-retain-until-date")).value();
  if (quirks.overwrites && store_.objects.contains(key)) {
    store_.add_version(key, request.body);
    return ok();
  }
  const Result<audit::Stored> stored = store_.put_new(key, request.body, until);
  if (!stored) return s3_error_answer(412, "PreconditionFailed", "A condition did not hold");
  if (!quirks.locks) store_.objects[key].back().lock = {};
  http::Response response = ok();
  response.headers.emplace("x-amz-version-id", stored->version_id);
  return response;
}

http::Response FakeS3::put_retention(const http::Request& request, const std::string& key,
                                     const std::string& version) {
  if (!quirks.may_change_retention) return s3_error_answer(403, "AccessDenied", "Access Denied");
  const std::size_t start = request.body.find("<RetainUntilDate>") + 17;
  const TimePoint until = parse_time(request.body.substr(start, 20)).value();
  for (MemoryStore::Version& one : store_.objects[key]) {
    if (one.id != version) continue;
    if (until < one.lock.retain_until && !quirks.shortens) {
      return s3_error_answer(403, "AccessDenied", kLocked);
    }
    one.lock.retain_until = until;
    return ok();
  }
  return s3_error_answer(404, "NoSuchVersion", "no such version");
}

http::Response FakeS3::remove(const std::string& key, const std::string& version) {
  if (!quirks.may_delete) return s3_error_answer(403, "AccessDenied", "Access Denied");
  if (quirks.deletes) {
    std::erase_if(store_.objects[key], [&](const auto& one) { return one.id == version; });
  }
  if (quirks.deletes || quirks.ignores_deletes) return {.status = 204, .headers = {}, .body = {}};
  return s3_error_answer(403, "AccessDenied", kLocked);
}

http::Response FakeS3::get(const std::string& key, const std::string& version, bool retention) {
  const auto found = store_.objects.find(key);
  if (found == store_.objects.end()) return s3_error_answer(404, "NoSuchKey", "no such key");
  for (const MemoryStore::Version& one : found->second) {
    if (one.id != version && !(version.empty() && &one == &found->second.back())) continue;
    if (!retention) return ok(one.bytes);
    if (one.lock.mode == audit::LockMode::kNone) {
      return s3_error_answer(404, "NoSuchObjectLockConfiguration", "no retention");
    }
    return ok(
        fmt::format("<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{}</RetainUntilDate>"
                    "</Retention>",
                    format_time(one.lock.retain_until)));
  }
  return s3_error_answer(404, "NoSuchVersion", "no such version");
}

http::Response FakeS3::list(const std::string& target) {
  const Result<audit::VersionPage> page = store_.list_versions(
      parameter(target, "prefix"), {.key_marker = parameter(target, "key-marker"),
                                    .version_id_marker = parameter(target, "version-id-marker")});
  std::string body = "<ListVersionsResult>";
  for (const audit::VersionEntry& entry : page->entries) {
    const char* element = entry.delete_marker ? "DeleteMarker" : "Version";
    body +=
        fmt::format("<{0}><Key>{1}</Key><VersionId>{2}</VersionId><IsLatest>{3}</IsLatest></{0}>",
                    element, entry.key, entry.version_id, entry.is_latest);
  }
  body += fmt::format("<IsTruncated>{}</IsTruncated>", page->next.has_value());
  if (page->next) {
    body += fmt::format(
        "<NextKeyMarker>{}</NextKeyMarker><NextVersionIdMarker>{}"
        "</NextVersionIdMarker>",
        page->next->key_marker, page->next->version_id_marker);
  }
  return ok(body + "</ListVersionsResult>");
}

}  // namespace stagekeeper::fakes
