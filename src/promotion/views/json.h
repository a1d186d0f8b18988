#pragma once

#include "base/result.h"
#include "model/record.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <string_view>

// How the parts that several statuses share are written. Internal to this folder.
namespace stagekeeper::promotion::view {

/// What most texts of a status may hold.
inline constexpr std::size_t kMaxValue = 256;

/// Adds a text of one line, cut, unless it is empty: the CRDs' patterns do not allow an empty one.
void put(nlohmann::json& object, const char* key, std::string_view value,
         std::size_t most = kMaxValue);

/// A message fit for a status: its own line breaks stay, everything else that is not printable
/// goes, and it is cut.
std::string message(std::string_view text, std::size_t most);

/// Version, stage and digest, as far as they are known.
nlohmann::json version(const VersionRef& version);

/// "target/credit-risk-eu" or "model/credit-risk": the ledger that a record's key is in. Empty for
/// a key of another form.
std::string ledger_of_key(std::string_view key);

/// Which record, in which ledger.
nlohmann::json record(const RecordFact& record);

/// The status of a live object; an empty object when it has none. Errors: Corrupt.
Result<nlohmann::json> status_of(std::string_view object_json);

/// The text of a JSON value; bytes that are no UTF-8 are replaced.
std::string text_of(const nlohmann::json& value);

}  // namespace stagekeeper::promotion::view
