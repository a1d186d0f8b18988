#include "operator/cli/artifact_digest.h"

#include "artifact/location.h"
#include "artifact/manifest.h"
#include "base/clock.h"
#include "base/text.h"
#include "operator/artifacts/file_sink.h"
#include "operator/artifacts/stores.h"
#include "operator/artifacts/survey.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace stagekeeper::cli {
namespace {

namespace fs = std::filesystem;
using artifact::Location;
using artifact::Manifest;
using artifact::Scheme;
using gates::because;
using gates::Reasoned;

/// What was named, and what it came to.
struct Measured {
  Location location;
  bool named_by_path = false;  ///< of this machine: not where the artifact will lie
  Digest digest;
  std::uint64_t size_bytes = 0;
  std::optional<Manifest> manifest;  ///< of a folder
  std::optional<Digest> beside;      ///< of the manifest that lies in the folder

  [[nodiscard]] bool agrees() const { return beside == digest; }
};

Result<Measured> read_name(const DigestFlags& flags) {
  Measured out;
  if (flags.what.find("://") != std::string::npos) {
    SK_TRY(out.location, artifact::parse_location(flags.what));
  } else {
    std::error_code error;
    const fs::path path = fs::canonical(flags.what, error);
    if (error) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("{}: {}; name a file or a folder of this machine, or s3://BUCKET/KEY",
                              flags.what, error.message()));
    }
    out.named_by_path = true;
    out.location = {.scheme = Scheme::kFile, .authority = {}, .path = path.string().substr(1)};
    if (fs::is_directory(path, error) && !out.location.path.empty()) out.location.path += '/';
  }
  if (flags.write_manifest && !(out.named_by_path && out.location.is_folder())) {
    return fail(ErrorCode::kInvalid,
                "--write-manifest writes into a folder of this machine; for another one, print it "
                "with --manifest and put it there as " +
                    std::string(artifact::kManifestName));
  }
  if (flags.manifest && !out.location.is_folder()) {
    return fail(ErrorCode::kInvalid,
                "--manifest is for a folder, and this is one file; the address of a folder ends "
                "with /");
  }
  return out;
}

Reasoned<void> measure(Measured& what, artifacts::ObjectSource& source,
                       const artifacts::Patience& patience) {
  if (what.location.is_folder()) {
    SK_TRY(Manifest manifest, artifacts::survey(what.location, source, patience));
    const Result<Digest> digest = artifact::manifest_digest(manifest);
    if (!digest) return because("ManifestInvalid", digest.error().message);
    what.digest = *digest;
    what.size_bytes = manifest.size_bytes();
    what.manifest = std::move(manifest);
    what.beside = artifacts::manifest_beside(what.location, source, patience);
    return {};
  }
  artifacts::DropSink sink;
  const artifacts::Item item{.what = "the artifact", .object = what.location};
  auto received = artifacts::transfer(item, source, sink, patience);
  if (!received) {
    gates::Reason reason = std::move(received.error());
    if (reason.code == "FetchRefused") reason.message += "; the address of a folder ends with /";
    return tl::unexpected(std::move(reason));
  }
  what.digest = received->digest;
  what.size_bytes = received->size_bytes;
  return {};
}

/// Writes the manifest beside the files, whole or not at all.
Status write_manifest(Measured& what) {
  if (what.agrees()) return {};
  SK_TRY(const std::string text, artifact::manifest_text(*what.manifest));
  const std::string path = what.location.child(artifact::kManifestName).path;
  const fs::path place = "/" + path;
  const fs::path part = place.string() + ".part";
  std::error_code error;
  {
    artifacts::FileSink sink(part.string());
    if (!sink.write(text) || !sink.finish()) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) fs::rename(part, place, error);
  if (error) {
    const std::string why = error.message();
    fs::remove(part, error);
    return fail(ErrorCode::kInvalid, fmt::format("cannot write {}: {}; write into a copy of the "
                                                 "folder, or print it with --manifest",
                                                 place.string(), why));
  }
  what.beside = what.digest;
  return {};
}

std::string json_text(const Measured& what) {
  nlohmann::json out = {{"type", artifact::name(artifact::type_of_uri(what.location.uri()))},
                        {"digest", what.digest.str()},
                        {"size", what.size_bytes}};
  if (!what.named_by_path) out["uri"] = what.location.uri();
  if (what.manifest) {
    const char* other = what.beside ? "Other" : "Missing";
    out["files"] = what.manifest->files.size();
    out["manifest"] = what.agrees() ? "Same" : other;
  }
  return out.dump(2) + "\n";
}

/// As it stands in the spec of a ModelVersion.
std::string yaml_text(const Measured& what) {
  std::string out = fmt::format("artifact:\n  type: {}\n",
                                artifact::name(artifact::type_of_uri(what.location.uri())));
  if (!what.named_by_path) out += fmt::format("  uri: {}\n", what.location.uri());
  out += fmt::format("  digest: {}\n", what.digest.str());
  const std::size_t files = what.manifest ? what.manifest->files.size() : 1;
  return out +
         fmt::format("# {} file{}, {} bytes\n", files, files == 1 ? "" : "s", what.size_bytes);
}

std::string note(const Measured& what) {
  if (!what.manifest || what.agrees()) return {};
  return fmt::format(
      "note: {} {} in the folder, and nothing is served without the one that lists these files: "
      "{}\n",
      artifact::kManifestName, what.beside ? "lists other files" : "is not",
      what.named_by_path ? "write it with --write-manifest, and upload it with the others"
                         : "print it with --manifest, and put it there");
}

Output refused(const gates::Reason& reason) {
  return {.text = {},
          .errors = fmt::format("error: {}: {}\n", reason.code, escaped(reason.message)),
          .code = reason.code == "FetchFailed" ? ExitCode::kUnreachable : ExitCode::kRefused};
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

Output artifact_digest(const DigestFlags& flags, artifacts::ObjectSource& source,
                       const artifacts::Patience& patience) {
  Result<Measured> what = read_name(flags);
  if (!what) return failed(what.error());
  if (const Reasoned<void> done = measure(*what, source, patience); !done)
    return refused(done.error());
  if (flags.write_manifest) {
    if (const Status done = write_manifest(*what); !done) return failed(done.error());
  }
  if (flags.manifest) {
    const Result<std::string> text = artifact::manifest_text(*what->manifest);
    return text ? Output{.text = *text} : failed(text.error());
  }
  return {.text = flags.json ? json_text(*what) : yaml_text(*what), .errors = note(*what)};
}

Output run_artifact_digest(const DigestFlags& flags) {
  const SystemClock clock;
  // Flags come before the environment, also where it names a file that is not there.
  const aws::Environment environment = [&flags](const char* name) {
    const std::string_view wanted = name;
    if (wanted == "S3_ENDPOINT" && !flags.endpoint.empty()) return flags.endpoint;
    if (wanted == "S3_REGION" && !flags.region.empty()) return flags.region;
    if (wanted == "S3_CA_FILE" && !flags.ca_file.empty()) return flags.ca_file;
    if (wanted == "FILE_ROOT") return std::string("/");
    return from_environment(name);
  };
  if (flags.what.starts_with("s3://") && environment("S3_ENDPOINT").empty()) {
    return failed({.code = ErrorCode::kInvalid,
                   .message = "--endpoint is missing: https://HOST[:PORT] of the S3 store"});
  }
  Result<artifacts::StoreOptions> options =
      artifacts::options_from(environment, clock, "kubectl-stagekeeper");
  if (!options) return failed(options.error());
  const auto source = artifacts::make_source(*std::move(options));
  return artifact_digest(flags, *source, {.sleep = [](std::chrono::milliseconds pause) {
                           std::this_thread::sleep_for(pause);
                         }});
}

}  // namespace stagekeeper::cli
