#include "aws/key_files.h"

#include "base/reloaded.h"

#include <utility>
#include <vector>

namespace stagekeeper::aws {
namespace {

constexpr std::size_t kMaxKeyBytes = std::size_t{64} << 10U;

/// Of the files' texts, in the order of KeyFiles.
Result<Credentials> keys_of(const std::vector<std::string>& texts) {
  const bool temporary = texts.size() > 2;
  Credentials out = without_line_ends({.access_key_id = texts[0],
                                       .secret_access_key = Secret(texts[1]),
                                       .session_token = Secret(temporary ? texts[2] : "")});
  if (out.access_key_id.empty() || out.secret_access_key.empty() ||
      (temporary && out.session_token.empty())) {
    return fail(ErrorCode::kInvalid, "an S3 key file is empty");
  }
  return out;
}

class FileCredentials final : public CredentialSource {
 public:
  FileCredentials(std::vector<std::string> paths, std::chrono::milliseconds interval)
      : files_({.paths = std::move(paths), .max_bytes = kMaxKeyBytes, .interval = interval},
               keys_of) {}

  Result<Credentials> get() override {
    const auto now = files_.get();
    if (!now) return fail(now.error(), "S3 credentials");
    return **now;
  }

 private:
  Reloaded<Credentials> files_;
};

}  // namespace

std::shared_ptr<CredentialSource> file_credentials(const KeyFiles& files,
                                                   std::chrono::milliseconds interval) {
  std::vector<std::string> paths = {files.access_key_id, files.secret_access_key};
  if (!files.session_token.empty()) paths.push_back(files.session_token);
  return std::make_shared<FileCredentials>(std::move(paths), interval);
}

}  // namespace stagekeeper::aws
