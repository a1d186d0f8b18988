#pragma once

#include "audit/keys.h"
#include "aws/credential_choice.h"
#include "aws/s3_address.h"
#include "base/result.h"

#include <chrono>
#include <string>
#include <vector>

namespace stagekeeper {

/// A point of the bucket probe that this installation accepts as failing, by name and with a
/// reason.
struct AcknowledgedDeviation {
  std::string point;
  std::string reason;
};

/// Where records go.
struct AuditStoreConfig {
  std::string endpoint;  ///< https://host:port
  std::string region;
  std::string bucket;
  aws::S3Addressing addressing = aws::S3Addressing::kAuto;
  std::string ca_file;  ///< empty: the system's authorities
  /// Where credentials come from. The files of kFiles are those of Config::credentials_dir.
  aws::SourceOptions credentials{.kind = aws::SourceKind::kFiles};
  bool session_token = false;  ///< kFiles: there is one
  std::chrono::milliseconds retention{std::chrono::hours(87672)};
  std::vector<AcknowledgedDeviation> acknowledged;
  /// Keys that records were signed with before, and when each was in use. The signing key itself
  /// need not be among them.
  std::vector<audit::TrustedKey> trusted_keys;
};

/// /etc/stagekeeper/config.yaml, and the places of what is mounted beside it.
struct Config {
  std::string gate_namespace = "stagekeeper-gates";
  unsigned workers = 4;
  AuditStoreConfig audit;
  /// Files accessKey, secretKey and, if there is to be one, sessionToken.
  std::string credentials_dir = "/etc/stagekeeper/s3";
  std::string signing_key_file = "/etc/stagekeeper/signing/key.pem";
};

/// Reads the configuration. Unknown keys are refused: a misspelt safety setting must not be
/// ignored. Errors: NotFound, Invalid with the key and what is expected.
Result<Config> load_config(const std::string& path);

/// The same from text. Pure.
Result<Config> parse_config(const std::string& text);

}  // namespace stagekeeper
