#include "operator/artifacts/file_source.h"

#include "base/text.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace stagekeeper::artifacts {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;
constexpr std::size_t kMaxShown = 200;

/// A file descriptor. Move-only.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Descriptor& operator=(Descriptor&&) = delete;

  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> missing(const std::string& path, const std::string& why) {
  return fail(ErrorCode::kNotFound, fmt::format("{}: {}", printable(path, kMaxShown), why));
}

/// Where an open file really lies, after every link. Asked of the descriptor, so that nobody can
/// put another file there between the question and the reading.
Result<fs::path> place_of(const Descriptor& file) {
  std::error_code error;
  fs::path place = fs::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error);
  if (error) return fail(ErrorCode::kUnavailable, "cannot read /proc/self/fd: " + error.message());
  return place;
}

Status check_below(const fs::path& place, const std::string& root, const std::string& path) {
  std::error_code error;
  const fs::path base = fs::canonical(root, error);
  if (error)
    return missing(root, "this folder for file:// is not there; mount it, or name another");
  const auto [end, unused] = std::mismatch(base.begin(), base.end(), place.begin(), place.end());
  if (end == base.end() && place != base) return {};
  return fail(ErrorCode::kDenied, fmt::format("{} leads out of {}, where files of file:// lie",
                                              printable(path, kMaxShown), root));
}

/// Opens without waiting for anybody, and without following a link out of the root.
Result<Descriptor> open_below(const std::string& root, const std::string& path, mode_t kind) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): POSIX
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return missing(path, std::generic_category().message(errno));
  SK_TRY(const fs::path place, place_of(file));
  SK_CHECK_OK(check_below(place, root, path));
  struct stat facts = {};
  if (fstat(file.get(), &facts) != 0 || (facts.st_mode & S_IFMT) != kind)
    return missing(path, kind == S_IFDIR ? "is no folder" : "is no regular file");
  return file;
}

}  // namespace

Status FileSource::read(const artifact::Location& object, const artifact::ReadFrom& from,
                        const Begun& begun, const http::BodySink& sink) {
  const std::string path = "/" + object.path;
  SK_TRY(const Descriptor file, open_below(root_, path, S_IFREG));
  const auto offset = static_cast<off_t>(from.offset);
  if (lseek(file.get(), offset, SEEK_SET) != offset)
    return fail(ErrorCode::kUnavailable, "cannot seek in " + path);
  begun({});
  std::string piece(kPieceBytes, '\0');
  while (true) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("cannot read {}: {}", path, std::generic_category().message(errno)));
    }
    if (count == 0) return {};
    if (!sink(std::string_view(piece).substr(0, static_cast<std::size_t>(count)))) return {};
  }
}

Result<std::optional<std::vector<artifact::Listed>>> FileSource::list(
    const artifact::Location& folder) {
  const std::string path = "/" + folder.path;
  SK_TRY(const Descriptor directory, open_below(root_, path, S_IFDIR));
  return list_files(fmt::format("/proc/self/fd/{}", directory.get()));
}

Result<std::vector<artifact::Listed>> list_files(const std::string& folder) {
  std::error_code error;
  std::vector<artifact::Listed> out;
  fs::recursive_directory_iterator entry(folder, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    const fs::path relative = entry->path().lexically_relative(folder);
    const fs::file_status status = entry->symlink_status(error);
    if (error) break;
    if (fs::is_directory(status)) continue;
    if (!fs::is_regular_file(status)) {
      return fail(
          ErrorCode::kInvalid,
          fmt::format("{} in the folder is neither a file nor a folder{}; take it out",
                      printable(relative.string(), kMaxShown),
                      fs::is_symlink(status) ? " but a symbolic link, which no bucket has (cp -rL "
                                               "makes a copy of what links lead to)"
                                             : ""));
    }
    if (out.size() > artifact::kMaxFiles) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("more than {} files in the folder", artifact::kMaxFiles));
    }
    out.push_back({.path = relative.generic_string(), .size_bytes = entry->file_size(error)});
  }
  if (error) return missing(folder, error.message());
  return out;
}

}  // namespace stagekeeper::artifacts
