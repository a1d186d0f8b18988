#include "operator/artifacts/file_sink.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stagekeeper::artifacts {
namespace {

constexpr mode_t kMode = 0644;  // whoever serves it may be another user

}  // namespace

FileSink::FileSink(const std::string& path)
    // Never through a link, and never over a file that somebody else has put there.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): POSIX
    : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode)) {}

FileSink::~FileSink() {
  if (file_ >= 0) close(file_);
}

bool FileSink::write(std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t count = ::write(file_, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    piece.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool FileSink::restart() {
  return ftruncate(file_, 0) == 0 && lseek(file_, 0, SEEK_SET) == 0;
}

bool FileSink::finish() {
  // The umask of a container is anybody's; the server must be able to read what was verified.
  const bool readable = fchmod(file_, kMode) == 0;
  const bool closed = close(file_) == 0;
  file_ = -1;
  return readable && closed;
}

}  // namespace stagekeeper::artifacts
