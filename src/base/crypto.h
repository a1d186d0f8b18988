#pragma once

#include "base/named_type.h"
#include "base/result.h"

#include <memory>
#include <string>
#include <string_view>

namespace stagekeeper {

/// "sha256:" and 64 lower-case hex digits.
using Digest = NamedType<struct DigestTag>;

/// Raw 32 bytes of SHA-256.
std::string sha256_raw(std::string_view bytes);

/// SHA-256 in lower-case hex, without prefix.
std::string sha256_hex(std::string_view bytes);

/// SHA-256 as `sha256:<hex>`.
Digest sha256_digest(std::string_view bytes);

/// Whether the text is `sha256:` and 64 lower-case hex digits.
bool is_digest(std::string_view text);

/// Incremental SHA-256 for streams. Not thread-safe; one use.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);

  /// The digest of all that was fed. May be called once.
  [[nodiscard]] Digest finish();

 private:
  struct Free {
    void operator()(void* context) const;
  };

  std::unique_ptr<void, Free> context_;
};

/// Raw 32 bytes of HMAC-SHA-256.
std::string hmac_sha256(std::string_view key, std::string_view bytes);

/// Raw 16 bytes of MD5, only for S3's Content-MD5 header.
std::string md5_raw(std::string_view bytes);

std::string hex(std::string_view bytes);
std::string base64_encode(std::string_view bytes);

/// Strict: padding required, no white space. Errors: Invalid.
Result<std::string> base64_decode(std::string_view text);

/// `byte_count` random bytes from the kernel, in hex.
std::string random_hex(std::size_t byte_count);

/// An Ed25519 private key (RFC 8032; deterministic signatures). Never printed. Thread-safe.
class SigningKey {
 public:
  /// Errors: Invalid when the text is no PKCS#8 PEM of an Ed25519 key; the text is never quoted.
  static Result<SigningKey> from_pem(std::string_view pem);

  /// 64 raw bytes.
  [[nodiscard]] std::string sign(std::string_view bytes) const;

  /// SubjectPublicKeyInfo PEM.
  [[nodiscard]] std::string public_pem() const;

  /// SHA-256 of the public key's DER (SubjectPublicKeyInfo): how records name the key.
  [[nodiscard]] Digest key_id() const;

 private:
  explicit SigningKey(std::shared_ptr<void> key) : key_(std::move(key)) {}

  std::shared_ptr<void> key_;
};

/// An Ed25519 public key. Thread-safe.
class VerifyKey {
 public:
  /// Errors: Invalid when the text is no PEM of an Ed25519 public key.
  static Result<VerifyKey> from_pem(std::string_view pem);
  [[nodiscard]] bool verify(std::string_view bytes, std::string_view signature) const;
  [[nodiscard]] Digest key_id() const;

 private:
  explicit VerifyKey(std::shared_ptr<void> key) : key_(std::move(key)) {}

  std::shared_ptr<void> key_;
};

}  // namespace stagekeeper
