#include "promotion/action.h"

#include <fmt/format.h>

namespace stagekeeper::promotion {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

std::string describe(const Action& action) {
  return std::visit(
      Overloaded{[](const SetFinalizer& a) {
                   return std::string(a.present ? "SetFinalizer" : "ReleaseFinalizer");
                 },
                 [](const CreateClone& a) {
                   return fmt::format("CreateClone {} {}", name(a.role), a.version.version);
                 },
                 [](const CreateGateJob& a) {
                   return fmt::format("CreateGateJob {} {}", a.gate.name, a.attempt);
                 },
                 [](const DeleteOwned& a) {
                   return fmt::format("Delete{} {}", a.kind == OwnedKind::kJob ? "Job" : "Clone",
                                      a.name);
                 },
                 [](const AppendRecord& a) {
                   return fmt::format("AppendRecord {} {} {}", name(a.ledger.kind), a.ledger.name,
                                      name(a.content.kind));
                 },
                 [](const PatchPin& a) {
                   return fmt::format("PatchPin {} {} at {}", a.target,
                                      a.version.version.empty() ? "unpinned" : a.version.version,
                                      a.sequence);
                 },
                 [](const RaiseFence& a) {
                   return fmt::format("RaiseFence {} to {}", a.target, a.sequence);
                 }},
      action);
}

std::string_view target_of(const Action& action) {
  if (const auto* pin = std::get_if<PatchPin>(&action)) return pin->target;
  if (const auto* fence = std::get_if<RaiseFence>(&action)) return fence->target;
  const auto* record = std::get_if<AppendRecord>(&action);
  if (record != nullptr && record->ledger.kind == LedgerKind::kTarget) return record->ledger.name;
  return {};
}

}  // namespace stagekeeper::promotion
