#pragma once

#include "model/fields.h"
#include "model/json_reader.h"

#include <string>

// Only for the decoders of this folder.
namespace stagekeeper::detail {

/// Fills a value from JSON by its field table. Collects the first problem, with its path; the API
/// server has validated the object against its schema already, so there hardly is a second.
class Reader final : public Fields {
 public:
  explicit Reader(const JsonReader& object) : at_(object) {}

  /// "spec.stages[1].name: is missing", or empty.
  [[nodiscard]] const std::string& first_problem() const { return problem_; }

  void text(std::string_view key, std::string& value, const TextUse& use) override;
  void integer(std::string_view key, std::int64_t& value,
               std::optional<std::int64_t> fallback) override;
  void flag(std::string_view key, bool& value, bool fallback) override;
  void texts(std::string_view key, std::vector<std::string>& values) override;
  void named_texts(std::string_view key, std::map<std::string, std::string>& values) override;
  void member_of_union(const std::string& discriminator, std::string& json) override;
  void refused(std::string_view key) override;
  void constant(std::string_view key, std::string_view only) override;
  void problem(std::string_view key, std::string_view says) override;

 private:
  bool group(std::string_view key, Presence presence, bool is_there, const Visit& visit) override;
  void array(std::string_view key, std::size_t size, const std::function<void(std::size_t)>& expect,
             const std::function<void(Fields&, std::size_t)>& visit) override;

  /// Visits with `inner` as the object whose members are read.
  void descend(const JsonReader& inner, std::string_view key, const Visit& visit);

  JsonReader at_;
  std::string path_;  ///< of at_: "", "spec", "spec.stages[1]"
  std::string problem_;
};

}  // namespace stagekeeper::detail
