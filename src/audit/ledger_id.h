#pragma once

#include "base/result.h"
#include "model/record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stagekeeper::audit {

/// Names one ledger: by name and not by uid, so that a re-created object goes on where the first
/// one stopped instead of restarting at 1.
struct LedgerId {
  std::string cluster;  ///< uid of namespace kube-system
  std::string ns;
  LedgerKind kind = LedgerKind::kTarget;
  std::string name;

  friend bool operator==(const LedgerId&, const LedgerId&) = default;

  /// "<ns>/target/<name>": the ledger's name within its cluster, in records and statuses.
  [[nodiscard]] std::string path() const;

  /// "v1/<cluster>/<ns>/target/<name>/rec/": below it lie the records and nothing else.
  [[nodiscard]] std::string prefix() const;

  /// The key of a record: the prefix, 20 digits, ".json".
  [[nodiscard]] std::string key(std::uint64_t sequence) const;

  /// The sequence in a key of this ledger; nothing for any other text.
  [[nodiscard]] std::optional<std::uint64_t> sequence_of(std::string_view key_text) const;
};

/// Whether every part can stand in a key: 1 to 253 of a–z 0–9 - . and no "." or ".." alone.
/// Errors: Invalid.
Status check_ledger_id(const LedgerId& id);

}  // namespace stagekeeper::audit
