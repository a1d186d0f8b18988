#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <vector>

namespace stagekeeper::http {
namespace {

template <auto Function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    Function(object);
  }
};

using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Store = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

Bio memory_bio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// All certificates of a PEM text; none when one of them is broken.
std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> out;
  const Bio bio = memory_bio(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    out.emplace_back(certificate);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) out.clear();
  return out;
}

/// OpenSSL would ask on the terminal for the passphrase of an encrypted key.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return 0;
}

Key read_key(const std::string& pem) {
  Key key(PEM_read_bio_PrivateKey(memory_bio(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

}  // namespace

struct TlsClient::Material {
  std::string peer;
  bool peer_is_address = false;
  Store trusted;  ///< null: the system's
  std::vector<Certificate> chain;
  Key key;
};

Result<std::shared_ptr<TlsClient>> TlsClient::create(const TlsOptions& options) {
  auto material = std::make_shared<Material>();
  material->peer = options.peer;
  material->peer_is_address = options.peer_is_address;
  if (!options.ca_pem.empty()) {
    material->trusted.reset(X509_STORE_new());
    const std::vector<Certificate> authorities = read_certificates(options.ca_pem);
    if (authorities.empty())
      return fail(ErrorCode::kInvalid, "certificate authority: not a PEM certificate");
    for (const Certificate& authority : authorities)
      X509_STORE_add_cert(material->trusted.get(), authority.get());
  }
  if (options.client_cert_pem.empty() != options.client_key_pem.empty())
    return fail(ErrorCode::kInvalid, "client certificate: certificate and key belong together");
  if (!options.client_cert_pem.empty()) {
    material->chain = read_certificates(options.client_cert_pem);
    if (material->chain.empty())
      return fail(ErrorCode::kInvalid, "client certificate: not a PEM certificate");
    material->key = read_key(options.client_key_pem);
    if (material->key == nullptr)
      return fail(ErrorCode::kInvalid, "client key: not an unencrypted PEM private key");
    const bool fits = X509_check_private_key(material->chain.front().get(), material->key.get());
    ERR_clear_error();
    if (!fits)
      return fail(ErrorCode::kInvalid, "client key: does not belong to the client certificate");
  }
  return std::shared_ptr<TlsClient>(new TlsClient(std::move(material)));
}

bool TlsClient::configure(SSL_CTX* context) {
  bool ok = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // Replaces the store: cpprestsdk has already put the system's authorities into it.
  if (material_->trusted) SSL_CTX_set1_cert_store(context, material_->trusted.get());
  if (!material_->chain.empty()) {
    ok = ok && SSL_CTX_use_certificate(context, material_->chain.front().get()) == 1;
    for (std::size_t i = 1; i < material_->chain.size(); ++i)
      ok = ok && SSL_CTX_add1_chain_cert(context, material_->chain[i].get()) == 1;
    ok = ok && SSL_CTX_use_PrivateKey(context, material_->key.get()) == 1;
  }
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context);
  // Whoever names an authority trusts it, be it a root or one below: as Go and curl have it.
  if (material_->trusted) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  const std::string& peer = material_->peer;
  ok = ok && (material_->peer_is_address
                  ? X509_VERIFY_PARAM_set1_ip_asc(param, peer.c_str()) == 1
                  : X509_VERIFY_PARAM_set1_host(param, peer.data(), peer.size()) == 1);
  // cpprestsdk reports every refusal as "Error in SSL handshake"; this keeps the reason.
  SSL_CTX_set_cert_verify_callback(context, &TlsClient::verify, this);
  return ok;
}

int TlsClient::verify(X509_STORE_CTX* chain, void* self) {
  auto* client = static_cast<TlsClient*>(self);
  const bool ok = X509_verify_cert(chain) == 1;
  const int reason = X509_STORE_CTX_get_error(chain);
  const MutexLock lock(client->mutex_);
  client->last_refusal_ = ok ? "" : X509_verify_cert_error_string(reason);
  return ok ? 1 : 0;
}

std::string TlsClient::last_refusal() const {
  const MutexLock lock(mutex_);
  return last_refusal_;
}

}  // namespace stagekeeper::http
