#include "operator/artifacts/placement.h"

#include "artifact/manifest.h"
#include "base/text.h"
#include "operator/artifacts/file_sink.h"
#include "operator/artifacts/file_source.h"
#include "operator/artifacts/reading.h"

#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string_view>
#include <system_error>

namespace stagekeeper::artifacts {
namespace {

namespace fs = std::filesystem;
using artifact::Location;
using artifact::Manifest;
using gates::because;
using gates::Reasoned;

constexpr std::size_t kMaxShown = 200;
constexpr auto kFolderMode = static_cast<fs::perms>(0755);  // whoever serves may be another user

std::string file_name(const Location& file) {
  return file.path.substr(file.path.rfind('/') + 1);
}

Location local(const fs::path& path, std::string_view end) {
  return {.scheme = artifact::Scheme::kFile,
          .authority = {},
          .path = path.string().substr(1) + std::string(end)};
}

tl::unexpected<gates::Reason> not_writable(const fs::path& path, const std::error_code& error) {
  return because("NotWritable", fmt::format("cannot make {}: {}; files go into a new folder inside "
                                            "a volume that this user may write",
                                            printable(path.string(), kMaxShown), error.message()));
}

Reasoned<std::unique_ptr<Sink>> drop(const std::string& /*path*/) {
  return std::make_unique<DropSink>();
}

/// Whether a directory holds exactly the artifact, every byte of it.
bool holds(const fs::path& directory, const Placement& wanted, const Patience& patience) {
  FileSource here(directory.parent_path().string());
  if (wanted.location.is_folder()) {
    const Reading reading{.location = local(directory, "/"), .digest = wanted.digest, .keep = drop};
    return read_artifact(reading, here, patience).has_value();
  }
  const std::string name = file_name(wanted.location);
  const auto files = list_files(directory.string());
  if (!files || files->size() != 1 || files->front().path != name) return false;
  const Reading reading{
      .location = local(directory / name, ""), .digest = wanted.digest, .keep = drop};
  return read_artifact(reading, here, patience).has_value();
}

/// The directory while it is being filled, beside its later place. Gone with this object unless it
/// was moved there.
class Filling {
 public:
  explicit Filling(const fs::path& place)
      : place_(place),
        folder_(place.parent_path() / fmt::format(".{}.partial", place.filename().string())) {}

  Filling(const Filling&) = delete;
  Filling& operator=(const Filling&) = delete;
  Filling(Filling&&) = delete;
  Filling& operator=(Filling&&) = delete;

  ~Filling() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  Reasoned<void> begin() {
    std::error_code error;
    for (const fs::path& old : {place_, folder_}) {
      fs::remove_all(old, error);
      if (error) return not_writable(old, error);
    }
    fs::create_directory(folder_, error);
    if (error) return not_writable(folder_, error);
    return {};
  }

  /// A new file, with the folders that it lies in.
  [[nodiscard]] Reasoned<std::unique_ptr<Sink>> file(const std::string& path) const {
    const fs::path at = folder_ / path;
    std::error_code error;
    fs::create_directories(at.parent_path(), error);
    if (error) return not_writable(at.parent_path(), error);
    return std::make_unique<FileSink>(at.string());
  }

  /// Keeps the manifest, by which a later run verifies the files without the store.
  [[nodiscard]] Reasoned<void> take(const Manifest& manifest) const {
    std::error_code error;
    const fs::space_info room = fs::space(folder_, error);
    if (!error && room.available < manifest.size_bytes()) {
      return because("DiskFull", fmt::format("the files have {} bytes, and the volume has room for "
                                             "{}",
                                             manifest.size_bytes(), room.available));
    }
    const Result<std::string> text = artifact::manifest_text(manifest);
    if (!text) return because("ManifestInvalid", text.error().message);
    FileSink sink((folder_ / artifact::kManifestName).string());
    if (!sink.write(*text) || !sink.finish())
      return because("DiskFull", "cannot write the manifest: is the volume too small?");
    return {};
  }

  /// Gives it its name.
  [[nodiscard]] Reasoned<void> end() const {
    std::error_code error;
    fs::permissions(folder_, kFolderMode, error);
    fs::recursive_directory_iterator entry(folder_, error);
    for (const fs::recursive_directory_iterator last; !error && entry != last;
         entry.increment(error)) {
      if (entry->is_directory()) fs::permissions(entry->path(), kFolderMode, error);
      if (error) break;
    }
    if (!error) fs::rename(folder_, place_, error);
    if (error) return not_writable(place_, error);
    return {};
  }

 private:
  const fs::path place_;
  const fs::path folder_;
};

}  // namespace

Reasoned<Placed> place_artifact(const Placement& wanted, ObjectSource& source,
                                const Patience& patience) {
  const fs::path place = wanted.directory;
  if (holds(place, wanted, patience)) return Placed::kWasThere;
  Filling filling(place);
  SK_CHECK_OK(filling.begin());
  const std::string name = wanted.location.is_folder() ? "" : file_name(wanted.location);
  const Reading reading{
      .location = wanted.location,
      .digest = wanted.digest,
      .keep = [&](const std::string& path) { return filling.file(path.empty() ? name : path); },
      .expect = [&](const Manifest& manifest) { return filling.take(manifest); }};
  SK_CHECK_OK(read_artifact(reading, source, patience));
  SK_CHECK_OK(filling.end());
  return Placed::kFetched;
}

}  // namespace stagekeeper::artifacts
