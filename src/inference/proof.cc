#include "inference/proof.h"

#include "base/enum_names.h"
#include "base/json_access.h"
#include "base/text.h"
#include "base/url.h"
#include "inference/answer.h"
#include "inference/protocol.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace stagekeeper::inference {
namespace {

using gates::because;
using gates::Reasoned;
using nlohmann::json;

constexpr EnumName<Proof> kProofs[] = {{Proof::kHeader, "Header"},
                                       {Proof::kBody, "Body"},
                                       {Proof::kPath, "Path"},
                                       {Proof::kPods, "Pods"}};
static_assert(names_all(kProofs, Proof::kPods));

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string rendered(const std::string& path, std::string_view model, std::string_view version) {
  return replaced(replaced(path, "${model}", percent_encode(model)), "${version}",
                  percent_encode(version));
}

}  // namespace

std::optional<Proof> proof_of(std::string_view type) {
  return enum_value(kProofs, type);
}

Reasoned<std::string> version_in_body(std::string_view body, const std::string& pointer) {
  const Reasoned<json> answer = parse_answer(body);
  // A NaN among the predictions has its own reason, and another version in it could not be read.
  if (!answer) return because("WrongVersion", answer.error().message);
  const json* found = follow(*answer, pointer);
  if (found == nullptr) {
    return because("WrongVersion", fmt::format("the answer is {}, without a version at {}",
                                               shape_of(*answer), pointer));
  }
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number_integer()) return found->dump();
  return because("WrongVersion", fmt::format("the version at {} is {}, neither a text nor a whole "
                                             "number",
                                             pointer, shape_of(*found)));
}

AskedPaths asked_paths(const gates::Inference& inference, std::string_view model,
                       std::string_view version) {
  AskedPaths out{.scoring = inference.scoring_path, .health = inference.health_path};
  if (const Protocol* protocol = find_protocol(inference.protocol)) {
    const bool versioned = proof_of(inference.proof.type) == Proof::kPath;
    const Paths& own = versioned ? protocol->versioned : protocol->paths;
    if (out.scoring.empty()) out.scoring = own.scoring;
    if (out.health.empty()) out.health = own.health;
  }
  out.scoring = rendered(out.scoring, model, version);
  out.health = rendered(out.health, model, version);
  return out;
}

}  // namespace stagekeeper::inference
