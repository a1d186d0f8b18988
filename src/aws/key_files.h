#pragma once

#include "aws/credentials.h"

#include <chrono>
#include <memory>
#include <string>

namespace stagekeeper::aws {

/// Where the keys of one account lie, each alone in a file. Line ends behind them are cut.
struct KeyFiles {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token = {};  ///< empty: long-lived keys, which have none
};

/// Keys in files that may be replaced while they are in use (a mounted Secret). Followed within
/// seconds, all files at once; one that is empty or cannot be read leaves the last good keys.
/// Errors of the source: Invalid, NotFound, Unavailable, before the first success only.
std::shared_ptr<CredentialSource> file_credentials(
    const KeyFiles& files, std::chrono::milliseconds interval = std::chrono::seconds(3));

}  // namespace stagekeeper::aws
