#include "aws/credentials.h"

#include "base/reloaded.h"

#include <memory>
#include <vector>

namespace stagekeeper::aws {
namespace {

constexpr std::size_t kMaxKeyBytes = std::size_t{64} << 10U;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

}  // namespace

Credentials without_line_ends(Credentials credentials) {
  return {.access_key_id = trimmed(std::move(credentials.access_key_id)),
          .secret_access_key = Secret(trimmed(credentials.secret_access_key.reveal())),
          .session_token = Secret(trimmed(credentials.session_token.reveal()))};
}

CredentialSource file_credentials(const std::string& access_key_file,
                                  const std::string& secret_key_file,
                                  std::chrono::milliseconds interval) {
  using Files = Reloaded<Credentials>;
  const auto files = std::make_shared<Files>(
      Files::Options{.paths = {access_key_file, secret_key_file},
                     .max_bytes = kMaxKeyBytes,
                     .interval = interval},
      [](const std::vector<std::string>& texts) -> Result<Credentials> {
        Credentials out =
            without_line_ends({.access_key_id = texts[0], .secret_access_key = Secret(texts[1])});
        if (out.access_key_id.empty() || out.secret_access_key.empty())
          return fail(ErrorCode::kInvalid, "an S3 key file is empty");
        return out;
      });
  return [files]() -> Result<Credentials> {
    const auto now = files->get();
    if (!now) return fail(now.error(), "S3 credentials");
    return **now;
  };
}

}  // namespace stagekeeper::aws
