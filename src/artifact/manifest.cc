#include "artifact/manifest.h"

#include "base/canonical_json.h"
#include "base/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <numeric>

namespace stagekeeper::artifact {
namespace {

using nlohmann::json;

// Exact in JSON, and 10,000 of them still have a sum.
constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 50U;
constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::size_t kMaxShown = 200;

std::string shown(std::string_view path) {
  return printable(path, kMaxShown);
}

tl::unexpected<Error> bad(std::string text) {
  return fail(ErrorCode::kInvalid, "manifest: " + std::move(text));
}

std::string part_flaw(std::string_view part) {
  if (part.empty()) return "is absolute, ends with / or has // in it";
  if (part == "." || part == "..") return "has a part . or ..";
  if (part.size() > kMaxPartBytes)
    return fmt::format("has a name of more than {} bytes", kMaxPartBytes);
  return {};
}

/// Of sorted files: none twice, and none a folder of another.
Status check_unique(const std::vector<ManifestFile>& files) {
  for (std::size_t i = 1; i < files.size(); ++i) {
    if (files[i].path == files[i - 1].path)
      return bad(fmt::format("{} is there twice", shown(files[i].path)));
  }
  for (const ManifestFile& file : files) {
    const std::string folder = file.path + "/";
    const auto below = std::ranges::lower_bound(files, folder, {}, &ManifestFile::path);
    if (below != files.end() && below->path.starts_with(folder))
      return bad(fmt::format("{} is a file and a folder", shown(file.path)));
  }
  return {};
}

Result<ManifestFile> read_file(const json& entry) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("path") ||
      !entry.contains("size") || !entry.contains("sha256"))
    return bad("an entry is not an object of path, size and sha256");
  const json& path = entry["path"];
  const json& size = entry["size"];
  const json& sha = entry["sha256"];
  if (!path.is_string() || !sha.is_string() || !size.is_number_unsigned())
    return bad("path and sha256 of an entry are not texts, or size is no whole number");
  return ManifestFile{.path = path.get<std::string>(),
                      .size_bytes = size.get<std::uint64_t>(),
                      .digest = Digest(std::string(kDigestPrefix) + sha.get<std::string>())};
}

/// "and 3 more" when there are.
std::string and_more(std::size_t count) {
  return count > 1 ? fmt::format(" (and {} more)", count - 1) : std::string();
}

}  // namespace

std::uint64_t Manifest::size_bytes() const {
  return std::accumulate(
      files.begin(), files.end(), std::uint64_t{0},
      [](std::uint64_t sum, const ManifestFile& file) { return sum + file.size_bytes; });
}

std::string path_flaw(std::string_view path) {
  if (path.size() > kMaxPathBytes) return fmt::format("has more than {} bytes", kMaxPathBytes);
  if (!is_utf8(path)) return "is no UTF-8";
  if (path == kManifestName) return "is the manifest's own name";
  const bool strange = std::ranges::any_of(
      path, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == '\\'; });
  if (strange) return "has a control character or a backslash";
  for (std::string_view rest = path;;) {
    const std::size_t slash = rest.find('/');
    if (std::string flaw = part_flaw(rest.substr(0, slash)); !flaw.empty()) return flaw;
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Result<Manifest> make_manifest(std::vector<ManifestFile> files) {
  if (files.empty()) return bad("the folder has no file");
  if (files.size() > kMaxFiles) {
    return bad(fmt::format("{} files, at most {} are taken: pack some into an archive",
                           files.size(), kMaxFiles));
  }
  for (const ManifestFile& file : files) {
    if (const std::string flaw = path_flaw(file.path); !flaw.empty())
      return bad(fmt::format("path '{}' {}", shown(file.path), flaw));
    if (file.size_bytes > kMaxSize) return bad(fmt::format("{} is too large", shown(file.path)));
    if (!is_digest(file.digest.str()))
      return bad(fmt::format("sha256 of {} is not 64 lower-case hex digits", shown(file.path)));
  }
  std::ranges::sort(files, {}, &ManifestFile::path);
  SK_CHECK_OK(check_unique(files));
  return Manifest{.files = std::move(files)};
}

Result<std::string> manifest_text(const Manifest& manifest) {
  json out = json::array();
  for (const ManifestFile& file : manifest.files) {
    out.push_back({{"path", file.path},
                   {"size", file.size_bytes},
                   {"sha256", file.digest.str().substr(kDigestPrefix.size())}});
  }
  SK_TRY(std::string text, canonical_json(out));
  if (text.size() > kMaxManifestBytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("the manifest has {} bytes, at most {} are read: use fewer files or "
                            "shorter paths",
                            text.size(), kMaxManifestBytes));
  }
  return text;
}

Result<Digest> manifest_digest(const Manifest& manifest) {
  SK_TRY(const std::string text, manifest_text(manifest));
  return sha256_digest(text);
}

Result<Manifest> parse_manifest(std::string_view text) {
  const Result<json> parsed = parse_strict_json(text, kMaxManifestBytes);
  if (!parsed) return bad(parsed.error().message);
  if (!parsed->is_array()) return bad("it is no list");
  if (parsed->size() > kMaxFiles)
    return bad(fmt::format("{} files, at most {} are taken", parsed->size(), kMaxFiles));
  std::vector<ManifestFile> files;
  files.reserve(parsed->size());
  for (const json& entry : *parsed) {
    SK_TRY(ManifestFile file, read_file(entry));
    files.push_back(std::move(file));
  }
  return make_manifest(std::move(files));
}

Status check_listing(const Manifest& manifest, const std::vector<Listed>& listing) {
  std::map<std::string_view, std::uint64_t> there;
  for (const Listed& each : listing) {
    if (each.path != kManifestName) there.emplace(each.path, each.size_bytes);
  }
  std::vector<const ManifestFile*> missing;
  for (const ManifestFile& file : manifest.files) {
    const auto found = there.find(file.path);
    if (found == there.end()) {
      missing.push_back(&file);
      continue;
    }
    if (found->second != file.size_bytes) {
      return fail(ErrorCode::kConflict,
                  fmt::format("file {} has {} bytes, and {} by the manifest", shown(file.path),
                              found->second, file.size_bytes));
    }
    there.erase(found);
  }
  if (!missing.empty()) {
    return fail(ErrorCode::kConflict,
                fmt::format("file {}{} is missing in the folder", shown(missing.front()->path),
                            and_more(missing.size())));
  }
  if (there.empty()) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("file {}{} is in the folder and not in the manifest",
                          shown(there.begin()->first), and_more(there.size())));
}

}  // namespace stagekeeper::artifact
