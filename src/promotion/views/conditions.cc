#include "promotion/views/conditions.h"

#include "base/enum_names.h"
#include "promotion/views/json.h"

#include <nlohmann/json.hpp>

namespace stagekeeper::promotion {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessage = 2000;

constexpr EnumName<Truth> kTruths[] = {
    {Truth::kFalse, "False"}, {Truth::kTrue, "True"}, {Truth::kUnknown, "Unknown"}};
static_assert(names_all(kTruths, Truth::kUnknown));

}  // namespace

void Conditions::add(std::string type, Truth truth, std::string reason, std::string_view message) {
  // The API server refuses a whole status for one empty reason.
  if (reason.empty()) reason = "Unknown";
  list_.push_back({.type = std::move(type),
                   .status = std::string(enum_name(kTruths, truth)),
                   .reason = std::move(reason),
                   .message = view::message(message, kMaxMessage),
                   .observed_generation = generation_});
}

nlohmann::json Conditions::json() const {
  auto out = nlohmann::json::array();
  for (const Condition& each : list_) {
    out.push_back({{"type", each.type},
                   {"status", each.status},
                   {"reason", each.reason},
                   {"message", each.message},
                   {"observedGeneration", each.observed_generation}});
  }
  return out;
}

}  // namespace stagekeeper::promotion
