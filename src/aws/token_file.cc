#include "aws/token_file.h"

#include "base/files.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::aws {
namespace {

constexpr std::size_t kMaxTokenBytes = std::size_t{64} << 10U;

}  // namespace

Result<Secret> read_token_file(const std::string& path, TokenForm form) {
  constexpr std::string_view kSpace = " \t\r\n";
  const Result<std::string> text = read_file(path, kMaxTokenBytes);
  if (!text) return fail(text.error(), "token file");
  const std::size_t begin = text->find_first_not_of(kSpace);
  if (begin == std::string::npos)
    return fail(ErrorCode::kInvalid, fmt::format("token file: {} is empty", path));
  std::string token = text->substr(begin, text->find_last_not_of(kSpace) - begin + 1);
  const char least = form == TokenForm::kOneWord ? '!' : ' ';
  // A line end within would end a header and begin another.
  if (!std::ranges::all_of(token, [&](char c) { return c >= least && c < 0x7F; })) {
    return fail(ErrorCode::kInvalid, fmt::format("token file: {} holds more than one {}", path,
                                                 form == TokenForm::kOneWord ? "word" : "line"));
  }
  return Secret(std::move(token));
}

}  // namespace stagekeeper::aws
