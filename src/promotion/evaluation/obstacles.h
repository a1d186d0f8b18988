#pragma once

#include "promotion/evaluation/evaluate.h"
#include "promotion/wait.h"

#include <optional>
#include <string>

// What keeps gates from being asked, in words. Internal to this folder.
namespace stagekeeper::promotion {

/// What must exist before a gate can measure: the Deployment to clone, the GateClasses, and in the
/// policy what the kinds of its gates need.
std::optional<Wait> gate_obstacle(const EvaluationCase& facts);

/// The clone's name belongs to something that is not what the operator would make.
Wait name_taken(const std::string& ns, const CloneState& clone, const std::string& why);

/// A Service would send users' requests to a clone.
Wait would_receive_traffic(const std::string& ns, const std::string& service);

/// The Job of a gate cannot be described.
Wait cannot_ask(const Subject& subject, const GateState& gate, const Error& error);

}  // namespace stagekeeper::promotion
