#include "base/files.h"

#include <fmt/format.h>
#include <fstream>

namespace stagekeeper {

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::kNotFound, fmt::format("cannot open {}", path));
  std::string out(max_bytes + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  if (in.bad()) return fail(ErrorCode::kUnavailable, fmt::format("cannot read {}", path));
  out.resize(static_cast<std::size_t>(in.gcount()));
  if (out.size() > max_bytes) {
    return fail(ErrorCode::kInvalid, fmt::format("{} is larger than {} bytes", path, max_bytes));
  }
  return out;
}

}  // namespace stagekeeper
