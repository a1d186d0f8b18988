#pragma once

#include "operator/artifacts/source.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stagekeeper::gate {

/// Objects in memory, handed over in pieces of 3 bytes. Errors come first, one a read, each after
/// half of what there was to read.
class MemorySource final : public artifacts::ObjectSource {
 public:
  std::map<std::string, std::string> objects;  ///< by URI
  std::vector<Error> errors;
  std::vector<artifact::ReadFrom> reads;
  std::string etag;        ///< empty: none is told
  bool tells_size = true;  ///< Content-Length
  bool lists = true;       ///< folders can be listed

  Status read(const artifact::Location& object, const artifact::ReadFrom& from,
              const artifacts::Begun& begun, const http::BodySink& sink) override {
    reads.push_back(from);
    const auto found = objects.find(object.uri());
    if (found == objects.end()) return fail(ErrorCode::kNotFound, "no such object");
    if (from.offset > 0 && from.etag != etag) return fail(ErrorCode::kConflict, "it changed");
    const std::string_view bytes = found->second;
    artifact::AnswerBody body{.etag = etag};
    if (tells_size) body.size_bytes = bytes.size();
    begun(body);
    const std::string_view rest = bytes.substr(from.offset);
    const bool fails = !errors.empty();
    for (std::size_t i = 0; i < (fails ? rest.size() / 2 : rest.size()); i += 3)
      if (!sink(rest.substr(i, 3))) return {};
    if (!fails) return {};
    const Error error = errors.front();
    errors.erase(errors.begin());
    return tl::unexpected(error);
  }

  Result<std::optional<std::vector<artifact::Listed>>> list(
      const artifact::Location& folder) override {
    if (!lists) return std::nullopt;
    std::vector<artifact::Listed> out;
    for (const auto& [uri, bytes] : objects) {
      if (uri.starts_with(folder.uri()))
        out.push_back({.path = uri.substr(folder.uri().size()), .size_bytes = bytes.size()});
    }
    return out;
  }
};

}  // namespace stagekeeper::gate
