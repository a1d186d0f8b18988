#include "audit/keys.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::audit {

Result<TrustedKey> trusted_key(std::string_view pem, TimePoint not_before, TimePoint not_after) {
  SK_TRY(VerifyKey key, VerifyKey::from_pem(pem));
  return TrustedKey{.key = std::move(key), .not_before = not_before, .not_after = not_after};
}

const TrustedKey* find_key(const std::vector<TrustedKey>& keys, std::string_view key_id) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const TrustedKey& trusted) {
    return trusted.key.key_id().str() == key_id;
  });
  return found == keys.end() ? nullptr : &*found;
}

bool is_valid_at(const TrustedKey& key, TimePoint time) {
  return key.not_before <= time && time <= key.not_after;
}

std::string validity_text(const TrustedKey& key) {
  const auto text = [](TimePoint time, TimePoint open) {
    return time == open ? std::string("any time") : format_time(time);
  };
  return fmt::format("from {} to {}", text(key.not_before, TimePoint::min()),
                     text(key.not_after, TimePoint::max()));
}

}  // namespace stagekeeper::audit
