#include "model/tables.h"

#include "base/crypto.h"
#include "base/numbers.h"

namespace stagekeeper::detail {
namespace {

/// A concrete number, never an alias: ^[1-9][0-9]{0,14}$.
bool is_version(std::string_view text) {
  return text.size() <= 15 && whole_number<std::uint64_t>(text).value_or(0) > 0;
}

/// What pins may be replaced by holds no "$" that the kubelet would expand.
bool has_no_dollar(std::string_view text) {
  return text.find('$') == std::string_view::npos;
}

void pending_fields(Fields& v, PendingRecord& it) {
  v.optional("sequence", it.sequence);
  v.optional("key", it.key);
  v.optional("retainUntil", it.retain_until);
  v.optional("envelope", it.envelope);
}

}  // namespace

TextRule version_rule() {
  return {.holds = is_version, .says = "is no version number"};
}

TextRule digest_rule() {
  return {.holds = is_digest, .says = "is no digest sha256:<64 hexadecimal digits>"};
}

TextRule uri_rule() {
  return {.holds = has_no_dollar, .says = "contains $"};
}

void identity_member(Fields& v, std::string_view key, Identity& it) {
  std::optional<Identity> who;
  if (!it.username.empty()) who = it;
  v.object(key, who, [](Fields& i, Identity& identity) {
    i.required("username", identity.username);
    i.optional("uid", identity.uid);
    i.texts("groups", identity.groups);
  });
  it = who.value_or(Identity{});
}

void ledger_fields(Fields& v, std::optional<LedgerHead>& head,
                   std::optional<PendingRecord>& pending) {
  std::string sequence = head ? std::to_string(head->sequence) : "";
  std::string digest = head ? head->digest : "";
  v.defaulted("head", [&](Fields& h) {
    h.optional("sequence", sequence);
    h.optional("digest", digest);
  });
  const auto number = whole_number<std::uint64_t>(sequence);
  head.reset();  // what is no head says nothing: a status may stop, never allow
  if (number && is_digest(digest)) head = LedgerHead{.sequence = *number, .digest = digest};
  v.object("pending", pending, pending_fields);
}

void fields(Fields&, ModelStage&) {}

}  // namespace stagekeeper::detail
