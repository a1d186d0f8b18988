#pragma once

#include "base/mutex.h"
#include "base/result.h"

#include <openssl/types.h>

#include <memory>
#include <string>

namespace stagekeeper::http {

/// What a TLS client trusts and presents. PEM texts; the key is secret and never printed.
struct TlsOptions {
  std::string ca_pem;           ///< certificates of the authorities to trust; empty: the system's
  std::string client_cert_pem;  ///< own certificate, then intermediates; empty: none
  std::string client_key_pem;   ///< unencrypted; set exactly when client_cert_pem is
  std::string peer;             ///< host name or IP address that the certificate must carry
  bool peer_is_address = false;
};

/// TLS settings read once and applied to every new connection: TLS 1.2 or later, chain and host
/// name verified, always. Thread-safe.
class TlsClient {
 public:
  /// Errors: Invalid when a PEM text cannot be read or key and certificate do not fit; the text
  /// itself is never quoted.
  static Result<std::shared_ptr<TlsClient>> create(const TlsOptions& options);

  /// Sets up the context of one connection. This object must outlive its handshake.
  /// False when OpenSSL refuses (out of memory).
  [[nodiscard]] bool configure(SSL_CTX* context);

  /// Why the last server certificate was refused ("certificate has expired"); empty when the last
  /// one was accepted or none was seen.
  [[nodiscard]] std::string last_refusal() const;

 private:
  struct Material;

  explicit TlsClient(std::shared_ptr<const Material> material) : material_(std::move(material)) {}

  static int verify(X509_STORE_CTX* chain, void* self);

  std::shared_ptr<const Material> material_;
  mutable Mutex mutex_;
  std::string last_refusal_ SK_GUARDED_BY(mutex_);
};

}  // namespace stagekeeper::http
