#include "base/crypto.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <array>
#include <cassert>
#include <cstdlib>

namespace stagekeeper {
namespace {

constexpr std::size_t kSha256Bytes = 32;
constexpr std::size_t kEd25519SignatureBytes = 64;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

/// OpenSSL fails here only when memory is gone or the library is broken: no sane next step.
void must(bool ok) {
  if (!ok) std::abort();
}

std::string digest_raw(const EVP_MD* algorithm, std::string_view bytes) {
  std::string out(static_cast<std::size_t>(EVP_MD_get_size(algorithm)), '\0');
  must(EVP_Digest(bytes.data(), bytes.size(), bytes_of(out), nullptr, algorithm, nullptr) == 1);
  return out;
}

using KeyHandle = std::shared_ptr<void>;

EVP_PKEY* pkey(const KeyHandle& handle) {
  return static_cast<EVP_PKEY*>(handle.get());
}

KeyHandle own(EVP_PKEY* key) {
  return {key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); }};
}

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

using Bio = std::unique_ptr<BIO, BioFree>;

struct MdContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

using MdContext = std::unique_ptr<EVP_MD_CTX, MdContextFree>;

Bio memory_bio(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Digest key_id_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  must(length > 0);
  const std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return sha256_digest(bytes);
}

}  // namespace

std::string sha256_raw(std::string_view bytes) {
  return digest_raw(EVP_sha256(), bytes);
}

std::string sha256_hex(std::string_view bytes) {
  return hex(sha256_raw(bytes));
}

Digest sha256_digest(std::string_view bytes) {
  return Digest("sha256:" + sha256_hex(bytes));
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.size() == kPrefix.size() + 2 * kSha256Bytes && text.starts_with(kPrefix) &&
         text.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  must(EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_.get()), EVP_sha256(), nullptr) == 1);
}

void Sha256::Free::operator()(void* context) const {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context));
}

void Sha256::update(std::string_view bytes) {
  must(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_.get()), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  std::string out(kSha256Bytes, '\0');
  must(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_.get()), bytes_of(out), nullptr) == 1);
  return Digest("sha256:" + hex(out));
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string out(kSha256Bytes, '\0');
  must(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(bytes), bytes.size(),
            bytes_of(out), nullptr) != nullptr);
  return out;
}

std::string md5_raw(std::string_view bytes) {
  return digest_raw(EVP_md5(), bytes);
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xFU];
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(bytes_of(out), bytes_of(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  const auto bad = [] { return fail(ErrorCode::kInvalid, "not base64"); };
  if (text.size() % 4 != 0) return bad();
  if (text.empty()) return std::string();
  const std::size_t padding = text.ends_with("==") ? 2 : (text.ends_with('=') ? 1 : 0);
  const std::string_view body = text.substr(0, text.size() - padding);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (body.find_first_not_of(kAlphabet) != std::string_view::npos) return bad();
  std::string out(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(bytes_of(out), bytes_of(text), static_cast<int>(text.size()));
  if (length < 0) return bad();
  out.resize(static_cast<std::size_t>(length) - padding);
  // A second encoding must give the same text: unused bits of the last digit may hide bytes.
  if (base64_encode(out) != text) return bad();
  return out;
}

std::string random_hex(std::size_t byte_count) {
  std::string bytes(byte_count, '\0');
  must(RAND_bytes(bytes_of(bytes), static_cast<int>(bytes.size())) == 1);
  return hex(bytes);
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  EVP_PKEY* key = PEM_read_bio_PrivateKey(memory_bio(pem).get(), nullptr, nullptr, nullptr);
  if (key == nullptr)
    return fail(ErrorCode::kInvalid, "signing key: not a PEM private key (PKCS#8)");
  KeyHandle handle = own(key);
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
    return fail(ErrorCode::kInvalid,
                "signing key: not Ed25519; make one with `openssl genpkey -algorithm ed25519`");
  }
  return SigningKey(std::move(handle));
}

std::string SigningKey::sign(std::string_view bytes) const {
  const MdContext context(EVP_MD_CTX_new());
  must(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pkey(key_)) == 1);
  std::string out(kEd25519SignatureBytes, '\0');
  std::size_t length = out.size();
  must(EVP_DigestSign(context.get(), bytes_of(out), &length, bytes_of(bytes), bytes.size()) == 1);
  return out;
}

std::string SigningKey::public_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_PUBKEY(bio.get(), pkey(key_)) == 1);
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(length)};
}

Digest SigningKey::key_id() const {
  return key_id_of(pkey(key_));
}

Result<VerifyKey> VerifyKey::from_pem(std::string_view pem) {
  EVP_PKEY* key = PEM_read_bio_PUBKEY(memory_bio(pem).get(), nullptr, nullptr, nullptr);
  if (key == nullptr) return fail(ErrorCode::kInvalid, "public key: not a PEM public key");
  KeyHandle handle = own(key);
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
    return fail(ErrorCode::kInvalid, "public key: not Ed25519");
  }
  return VerifyKey(std::move(handle));
}

bool VerifyKey::verify(std::string_view bytes, std::string_view signature) const {
  const MdContext context(EVP_MD_CTX_new());
  must(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey(key_)) == 1);
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes),
                          bytes.size()) == 1;
}

Digest VerifyKey::key_id() const {
  return key_id_of(pkey(key_));
}

}  // namespace stagekeeper
