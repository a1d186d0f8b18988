#include "aws/credentials.h"

#include <algorithm>
#include <string_view>

namespace stagekeeper::aws {
namespace {

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

bool one_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

class FixedCredentials final : public CredentialSource {
 public:
  explicit FixedCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}

  Result<Credentials> get() override { return credentials_; }

 private:
  const Credentials credentials_;
};

}  // namespace

bool same_keys(const Credentials& a, const Credentials& b) {
  return a.access_key_id == b.access_key_id &&
         a.secret_access_key.reveal() == b.secret_access_key.reveal() &&
         a.session_token.reveal() == b.session_token.reveal();
}

bool well_formed(const Credentials& credentials) {
  return !credentials.access_key_id.empty() && !credentials.secret_access_key.empty() &&
         one_word(credentials.access_key_id) && one_word(credentials.secret_access_key.reveal()) &&
         one_word(credentials.session_token.reveal());
}

Credentials without_line_ends(Credentials credentials) {
  credentials.access_key_id = trimmed(std::move(credentials.access_key_id));
  credentials.secret_access_key = Secret(trimmed(credentials.secret_access_key.reveal()));
  credentials.session_token = Secret(trimmed(credentials.session_token.reveal()));
  return credentials;
}

std::shared_ptr<CredentialSource> fixed_credentials(Credentials credentials) {
  return std::make_shared<FixedCredentials>(without_line_ends(std::move(credentials)));
}

}  // namespace stagekeeper::aws
