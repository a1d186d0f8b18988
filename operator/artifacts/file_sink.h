#pragma once

#include "operator/artifacts/transfer.h"

#include <string>

namespace stagekeeper::artifacts {

/// Writes a new file; one that is there is an error of the first write. The file is made when the
/// sink is, so that an object without bytes becomes a file without bytes.
class FileSink final : public Sink {
 public:
  explicit FileSink(const std::string& path);
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  FileSink(FileSink&&) = delete;
  FileSink& operator=(FileSink&&) = delete;
  ~FileSink() override;

  bool write(std::string_view piece) override;
  bool restart() override;
  bool finish() override;

 private:
  int file_ = -1;
};

}  // namespace stagekeeper::artifacts
