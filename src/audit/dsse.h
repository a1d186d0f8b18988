#pragma once

#include "audit/keys.h"
#include "base/crypto.h"
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::audit {

inline constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";

/// A payload of 64 KiB in base64, with room for type and signature.
inline constexpr std::size_t kMaxEnvelopeBytes = 90'000;

/// DSSE's pre-authentication encoding: the bytes that are signed.
std::string pre_authentication_encoding(std::string_view payload_type, std::string_view payload);

/// The DSSE envelope of a payload with one Ed25519 signature, in canonical JSON: the same key and
/// payload always give the same bytes. Pure.
std::string seal(std::string_view payload, const SigningKey& key);

/// A payload whose signature holds.
struct Opened {
  std::string payload;
  Digest key_id;
};

/// Reads and verifies an envelope: exactly one signature, by one of the keys, and exactly the bytes
/// that seal() makes, so that nobody can write the same record in two ways. When the key is valid
/// is for the reader of the payload to judge, which alone has a time. Pure. Errors: Corrupt.
Result<Opened> open_envelope(std::string_view envelope, const std::vector<TrustedKey>& keys);

}  // namespace stagekeeper::audit
