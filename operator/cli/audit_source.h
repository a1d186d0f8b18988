#pragma once

#include "audit/inspect.h"
#include "audit/store.h"
#include "base/clock.h"
#include "base/result.h"
#include "operator/cli/text.h"

#include <memory>
#include <string>
#include <vector>

namespace stagekeeper::cli {

/// Exit codes of the commands.
enum class ExitCode {
  kOk = 0,
  kTampered = 1,
  kRefused = 1,     ///< of `create`: the API server did not take an object, or does not answer
  kIncomplete = 2,  ///< records are missing, or none was found
  kUnreachable = 3,
  kUsage = 4,
};

/// Where the audit commands read, from flags and environment.
struct AuditFlags {
  std::string ns;       ///< all namespaces when empty
  std::string cluster;  ///< the only one in the bucket when empty
  std::string bucket;
  std::string endpoint;
  std::string region = "us-east-1";
  std::string ca_file;
  std::vector<std::string> public_key_files;
  bool json = false;
  std::string access_key_id;  ///< AWS_ACCESS_KEY_ID
  aws::Secret secret_access_key;
  aws::Secret session_token;
};

/// What a command has to say and how it ends.
struct Output {
  std::string text;    ///< for standard output
  std::string errors;  ///< for standard error
  ExitCode code = ExitCode::kOk;
};

/// A bucket that was read and judged whole.
struct AuditView {
  std::string cluster;
  std::vector<audit::LedgerReport> ledgers;
  std::vector<std::string> strangers;
};

/// A store over the network with all it needs. Move-only.
class OpenedStore {
 public:
  /// Errors: Invalid for flags that cannot work, with what to write instead.
  static Result<OpenedStore> open(const AuditFlags& flags, const Clock& clock);

  [[nodiscard]] audit::Store& store() const { return *store_; }

 private:
  OpenedStore() = default;

  std::unique_ptr<http::Client> http_;
  std::unique_ptr<aws::S3Client> client_;
  std::unique_ptr<audit::Store> store_;
};

/// The keys that records must be signed with, from PEM files. Errors: Invalid.
Result<std::vector<audit::TrustedKey>> read_public_keys(const AuditFlags& flags);

/// Lists and judges all ledgers of a cluster (and namespace), each by itself and all together.
/// Errors: those of the store; Invalid when the bucket holds several clusters and none was named;
/// NotFound when it holds no record.
Result<AuditView> read_view(audit::Store& store, const AuditFlags& flags,
                            const std::vector<audit::TrustedKey>& keys);

/// The same for one model alone: its ledger, and those of the targets that its decisions name.
/// Nothing else of the bucket is read. A model without records gives a view without ledgers.
Result<AuditView> read_model_view(audit::Store& store, const AuditFlags& flags,
                                  const std::string& model,
                                  const std::vector<audit::TrustedKey>& keys);

/// How bad the worst finding is: tampered before incomplete before ok.
ExitCode worst(const AuditView& view);

/// The findings of all ledgers, one line each; empty when there are none.
std::string findings_text(const AuditView& view, const Style& style);

/// An error as the end of a command.
Output failed(const Error& error);

}  // namespace stagekeeper::cli
