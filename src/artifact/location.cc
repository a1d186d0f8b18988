#include "artifact/location.h"

#include "base/enum_names.h"
#include "base/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::artifact {
namespace {

constexpr EnumName<Type> kTypes[] = {
    {Type::kFile, "File"}, {Type::kManifest, "Manifest"}, {Type::kImage, "Image"}};
static_assert(names_all(kTypes, Type::kImage));

constexpr EnumName<Scheme> kSchemes[] = {
    {Scheme::kS3, "s3://"}, {Scheme::kHttps, "https://"}, {Scheme::kFile, "file:///"}};
static_assert(names_all(kSchemes, Scheme::kFile));

constexpr std::size_t kMaxUriBytes = 1024;
constexpr std::size_t kMaxShown = 200;
constexpr std::string_view kImage = "oci://";

bool is_plain(char c) {
  const char lower = lower_ascii(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("._~=+,:-").find(c) != std::string_view::npos;
}

tl::unexpected<Error> wrong(std::string_view uri, std::string_view why) {
  return fail(ErrorCode::kInvalid,
              fmt::format("{}: {}; write s3://BUCKET/KEY, https://HOST/PATH or file:///PATH, with "
                          "a / at the end for a folder",
                          printable(uri, kMaxShown), why));
}

/// What is wrong with a path, or nothing. A '/' at the end is a folder's and no part of it.
std::string_view flaw(std::string_view path) {
  if (path.empty()) return "it names nothing";
  if (path.ends_with('/')) path.remove_suffix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty()) return "a part of its path is empty";
    if (part == "." || part == "..") return "a part of its path is . or ..";
    if (!std::ranges::all_of(part, is_plain))
      return "it has other characters than letters, digits and . _ ~ = + , : -";
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash + 1);
  }
}

bool is_authority(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':';
  });
}

}  // namespace

std::string_view name(Type type) {
  return enum_name(kTypes, type);
}

std::optional<Type> type_named(std::string_view text) {
  return enum_value(kTypes, text);
}

std::string Location::uri() const {
  const std::string_view scheme_text = enum_name(kSchemes, scheme);
  return scheme == Scheme::kFile ? fmt::format("{}{}", scheme_text, path)
                                 : fmt::format("{}{}/{}", scheme_text, authority, path);
}

Location Location::child(std::string_view relative) const {
  Location out = *this;
  out.path += relative;
  return out;
}

Type type_of_uri(std::string_view uri) {
  if (uri.starts_with(kImage)) return Type::kImage;
  return uri.ends_with('/') ? Type::kManifest : Type::kFile;
}

Result<Location> parse_location(std::string_view uri) {
  if (uri.size() > kMaxUriBytes) return wrong(uri, "it is too long");
  if (uri.starts_with(kImage)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: nobody downloads an image but the kubelet, which verifies it; "
                            "pin it as an image",
                            printable(uri, kMaxShown)));
  }
  for (const auto& [scheme, text] : kSchemes) {
    if (!uri.starts_with(text)) continue;
    const std::string_view rest = uri.substr(text.size());
    Location out{.scheme = scheme, .authority = {}, .path = std::string(rest)};
    if (scheme != Scheme::kFile) {
      const std::size_t slash = std::min(rest.find('/'), rest.size());
      out.authority = rest.substr(0, slash);
      out.path = rest.substr(std::min(slash + 1, rest.size()));
      if (!is_authority(out.authority)) return wrong(uri, "it names no bucket or host");
    }
    if (const std::string_view why = flaw(out.path); !why.empty()) return wrong(uri, why);
    return out;
  }
  return wrong(uri, "its scheme is not known");
}

}  // namespace stagekeeper::artifact
