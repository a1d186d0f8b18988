#pragma once

#include "base/crypto.h"
#include "base/result.h"
#include "base/time.h"

#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::audit {

/// A public key that records may be signed with, and when. A key that was replaced stays trusted
/// for the records of its time; one that was stolen is given its end.
struct TrustedKey {
  VerifyKey key;
  TimePoint not_before = TimePoint::min();
  TimePoint not_after = TimePoint::max();
};

/// Reads a trusted key. Errors: Invalid.
Result<TrustedKey> trusted_key(std::string_view pem, TimePoint not_before = TimePoint::min(),
                               TimePoint not_after = TimePoint::max());

/// The key of that id, or null.
const TrustedKey* find_key(const std::vector<TrustedKey>& keys, std::string_view key_id);

/// Whether records may bear that time under the key.
bool is_valid_at(const TrustedKey& key, TimePoint time);

/// "from … to …", for people.
std::string validity_text(const TrustedKey& key);

}  // namespace stagekeeper::audit
