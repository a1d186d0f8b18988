#include "tests/fakes/test_pki.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>

namespace stagekeeper::fakes {
namespace {

constexpr long kHour = 3600;

void must(bool ok) {
  if (!ok) std::abort();
}

template <typename Write>
std::string to_pem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  must(write(bio) == 1);
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(length));
  BIO_free(bio);
  return out;
}

std::string pem_of(X509* certificate) {
  return to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string pem_of(EVP_PKEY* key) {
  return to_pem([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

X509* unsigned_certificate(const std::string& name, EVP_PKEY* key, bool expired) {
  static long serial = 1;
  X509* out = X509_new();
  X509_set_version(out, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(out), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(out), -24 * kHour);
  X509_gmtime_adj(X509_getm_notAfter(out), expired ? -kHour : 24 * kHour);
  X509_set_pubkey(out, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return out;
}

}  // namespace

struct TestCa::Authority {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

TestCa::TestCa(const std::string& name) : TestCa(name, nullptr) {}

TestCa::TestCa(const std::string& name, const TestCa& parent)
    : TestCa(name, parent.authority_.get()) {}

TestCa::TestCa(const std::string& name, const Authority* parent)
    : authority_(std::make_unique<Authority>()) {
  authority_->key = EVP_EC_gen("P-256");
  X509* certificate = unsigned_certificate(name, authority_->key, false);
  X509* issuer = parent == nullptr ? certificate : parent->certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  extend(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate, issuer, NID_key_usage, "critical,keyCertSign");
  must(X509_sign(certificate, parent == nullptr ? authority_->key : parent->key, EVP_sha256()) > 0);
  authority_->certificate = certificate;
  pem_ = pem_of(certificate);
}

TestCa::~TestCa() {
  X509_free(authority_->certificate);
  EVP_PKEY_free(authority_->key);
}

CertificateAndKey TestCa::issue(const CertificateWish& wish) const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = unsigned_certificate("leaf", key, wish.expired);
  X509_set_issuer_name(certificate, X509_get_subject_name(authority_->certificate));
  std::string names = wish.dns.empty() ? "" : "DNS:" + wish.dns;
  if (!wish.ip.empty()) names += (names.empty() ? "IP:" : ",IP:") + wish.ip;
  if (!names.empty()) extend(certificate, authority_->certificate, NID_subject_alt_name, names);
  must(X509_sign(certificate, authority_->key, EVP_sha256()) > 0);
  CertificateAndKey out{.cert_pem = pem_of(certificate), .key_pem = pem_of(key)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return out;
}

}  // namespace stagekeeper::fakes
