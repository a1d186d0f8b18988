#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace stagekeeper::aws_test {

/// A directory of one test, gone with it.
class TempFiles {
 public:
  TempFiles() {
    static std::atomic<int> count{0};
    directory_ = std::filesystem::temp_directory_path() /
                 ("sk-aws-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(directory_);
  }

  TempFiles(const TempFiles&) = delete;
  TempFiles& operator=(const TempFiles&) = delete;
  TempFiles(TempFiles&&) = delete;
  TempFiles& operator=(TempFiles&&) = delete;

  ~TempFiles() { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

  /// Returns the path.
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::trunc | std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace stagekeeper::aws_test
