#pragma once

#include "operator/artifacts/source.h"

#include <string>

namespace stagekeeper::artifacts {

/// Reads files of this machine that lie below one folder. file:///models/a is /models/a; a file
/// that really lies elsewhere, whatever links lead to it, is Denied. Errors: NotFound also for what
/// is no regular file, which might block or never end.
class FileSource final : public ObjectSource {
 public:
  explicit FileSource(std::string root) : root_(std::move(root)) {}

  Status read(const artifact::Location& object, const artifact::ReadFrom& from, const Begun& begun,
              const http::BodySink& sink) override;
  Result<std::optional<std::vector<artifact::Listed>>> list(
      const artifact::Location& folder) override;

 private:
  std::string root_;
};

/// Every file below a folder, in any depth. Errors: NotFound; Invalid, naming what is neither a
/// file nor a folder (a symbolic link, too); TooLarge.
Result<std::vector<artifact::Listed>> list_files(const std::string& folder);

}  // namespace stagekeeper::artifacts
