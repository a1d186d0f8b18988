#pragma once

#include "promotion/decide.h"
#include "promotion/views/conditions.h"

namespace stagekeeper::promotion {

/// The conditions of a PromotionRequest: see request_status_patch().
Conditions request_conditions(const PromotionRequest& request, const Decision& decision);

}  // namespace stagekeeper::promotion
