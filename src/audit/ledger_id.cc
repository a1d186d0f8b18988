#include "audit/ledger_id.h"

#include <charconv>
#include <fmt/format.h>

namespace stagekeeper::audit {
namespace {

constexpr std::size_t kSequenceDigits = 20;
constexpr std::string_view kSuffix = ".json";

bool is_key_part(std::string_view text) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-.";
  return !text.empty() && text.size() <= 253 && text != "." && text != ".." &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

std::string LedgerId::path() const {
  return fmt::format("{}/{}/{}", ns, stagekeeper::name(kind), name);
}

std::string LedgerId::prefix() const {
  return fmt::format("v1/{}/{}/rec/", cluster, path());
}

std::string LedgerId::key(std::uint64_t sequence) const {
  return fmt::format("{}{:020}{}", prefix(), sequence, kSuffix);
}

std::optional<std::uint64_t> LedgerId::sequence_of(std::string_view key_text) const {
  const std::string start = prefix();
  if (key_text.size() != start.size() + kSequenceDigits + kSuffix.size()) return std::nullopt;
  if (!key_text.starts_with(start) || !key_text.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = key_text.substr(start.size(), kSequenceDigits);
  std::uint64_t sequence = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), sequence);
  if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return sequence;
}

Status check_ledger_id(const LedgerId& id) {
  if (is_key_part(id.cluster) && is_key_part(id.ns) && is_key_part(id.name)) return {};
  return fail(ErrorCode::kInvalid,
              "ledger: cluster, namespace and name must be lower-case Kubernetes names");
}

}  // namespace stagekeeper::audit
