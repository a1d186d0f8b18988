#include "kube/token_source.h"

#include "base/files.h"

#include <algorithm>
#include <utility>

namespace stagekeeper::kube {
namespace {

constexpr std::size_t kMaxTokenBytes = 16UL * 1024;

class StaticToken final : public TokenSource {
 public:
  explicit StaticToken(std::string token) : token_(std::move(token)) {}

  Result<std::string> token() override { return token_; }

  void expire() override {}

 private:
  const std::string token_;
};

}  // namespace

std::unique_ptr<TokenSource> static_token(std::string token) {
  return std::make_unique<StaticToken>(std::move(token));
}

Result<std::string> clean_token(const std::string& text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return fail(ErrorCode::kInvalid, "bearer token: empty");
  std::string out = text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
  const bool one_word =
      std::all_of(out.begin(), out.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!one_word) return fail(ErrorCode::kInvalid, "bearer token: holds more than one word");
  return out;
}

FileToken::FileToken(std::string path, std::chrono::milliseconds max_age)
    : path_(std::move(path)), max_age_(max_age) {}

Result<std::string> FileToken::token() {
  const Time now = std::chrono::steady_clock::now();
  const MutexLock lock(mutex_);
  if (read_at_ && now - *read_at_ < max_age_) return token_;
  Result<std::string> text = read_file(path_, kMaxTokenBytes);
  Result<std::string> fresh = text ? clean_token(*text) : text;
  if (!fresh) {
    if (!token_.empty()) return token_;
    return fail(std::move(fresh.error()), "token file");
  }
  token_ = std::move(*fresh);
  read_at_ = now;
  return token_;
}

void FileToken::expire() {
  const MutexLock lock(mutex_);
  read_at_.reset();
}

}  // namespace stagekeeper::kube
