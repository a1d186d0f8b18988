#pragma once

#include "promotion/records/records.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

// The parts that several bodies share, each written and read side by side. Internal to this folder.
// Reading never throws: what is absent is empty, and what must be there is noted in a Missing.
namespace stagekeeper::promotion::records {

/// How much of long texts is kept: bodies are written with the first level that fits.
struct Brevity {
  std::size_t text = 1000;  ///< bytes of a message, comment or claim
  bool extras = true;       ///< claims, groups, comments, approvals that did not count
};

/// The first member that a body should have and has not; empty: all are there.
using Missing = std::string;

/// The text of a member that must be there.
std::string need(const nlohmann::json& value, const char* key, Missing& missing);

nlohmann::json version_json(const VersionRef& version);
/// Of the member of that name; an empty version when it is absent.
VersionRef version_at(const nlohmann::json& value, const char* key);

nlohmann::json dataset_json(const Dataset& dataset);
Dataset dataset_of(const nlohmann::json& value);

nlohmann::json pins_json(const std::vector<RenderedPin>& pins);
std::vector<RenderedPin> pins_of(const nlohmann::json& list);

nlohmann::json gates_json(const std::vector<GateState>& gates, const Brevity& brevity);
std::vector<GateState> gates_of(const nlohmann::json& list, Missing& missing);

nlohmann::json review_json(const ReviewView& review);
ReviewView review_of(const nlohmann::json& value, Missing& missing);

/// All that counted, and the first 16 that did not, in the order in which they were judged.
nlohmann::json approvals_json(const Subject& subject, const std::vector<ApprovalView>& views,
                              const std::vector<ApprovalState>& states, const Brevity& brevity);
std::vector<ApprovalView> approvals_of(const nlohmann::json& list, Missing& missing);

nlohmann::json ends_json(const std::vector<TargetEnd>& ends, const Brevity& brevity);
std::vector<TargetEnd> ends_of(const nlohmann::json& list, Missing& missing);

/// Members of every body: request, requester, modelVersion, dataset, policyDigest.
nlohmann::json provenance_json(const ProvenanceFacts& facts, const Brevity& brevity);

/// Somebody, with those of his groups that the stage's review asks for: people may be in hundreds.
nlohmann::json identity_json(const Identity& who, const Subject& subject, const Brevity& brevity);

/// The body as text, written with the most detailed level of brevity that fits a record.
std::string fitting(const std::function<nlohmann::json(const Brevity&)>& write);

/// A body read back. Errors: Corrupt, naming the record.
Result<nlohmann::json> parsed(const RecordFact& record, std::string_view body);

/// Errors: Corrupt when something is missing.
Status complete(const RecordFact& record, const Missing& missing);

}  // namespace stagekeeper::promotion::records
