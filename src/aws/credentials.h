#pragma once

#include "base/result.h"
#include "base/time.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace stagekeeper::aws {

/// A text that must not reach a log, a message or a status: it has no stream operator and no
/// implicit conversion, so that printing it takes a deliberate reveal().
class Secret {
 public:
  Secret() = default;

  explicit Secret(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& reveal() const { return text_; }

  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

/// What signs requests to an S3 store. The session token is empty for long-lived keys.
struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token = {};
  std::optional<TimePoint> expires_at = {};  ///< by the issuer's clock; absent: not known to expire
};

/// Whether a request would be signed alike.
bool same_keys(const Credentials& a, const Credentials& b);

/// Whether there is an access key and a secret, and each part is one word of printable ASCII: a
/// header must be able to carry it, and what no header can carry is not what an issuer gives out.
bool well_formed(const Credentials& credentials);

/// Cuts the line ends that `echo` and editors put behind a key: they are part of none.
Credentials without_line_ends(Credentials credentials);

/// Port for where credentials come from. Implementations are thread-safe, and their errors hold no
/// secret.
class CredentialSource {
 public:
  CredentialSource() = default;
  CredentialSource(const CredentialSource&) = delete;
  CredentialSource& operator=(const CredentialSource&) = delete;
  CredentialSource(CredentialSource&&) = delete;
  CredentialSource& operator=(CredentialSource&&) = delete;
  virtual ~CredentialSource() = default;

  /// The credentials of the next request. Errors: why there are none.
  virtual Result<Credentials> get() = 0;

  /// The store has refused these as expired or unknown: what there is now. Whoever gets the same
  /// back has nothing to ask again with. Errors: as get().
  virtual Result<Credentials> renew(const Credentials& /*refused*/) { return get(); }
};

/// Always the same.
std::shared_ptr<CredentialSource> fixed_credentials(Credentials credentials);

}  // namespace stagekeeper::aws
