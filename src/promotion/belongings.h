#pragma once

#include "promotion/action.h"
#include "promotion/world.h"

#include <vector>

// What a request owns in the cluster, and the finalizer that keeps it until that is gone.
namespace stagekeeper::promotion {

/// Whether the request may vanish once nothing of it runs.
enum class Finalizer { kKeep, kRelease };

/// Deletes every Job and clone of the request; when none is left and it may, lets the request go.
std::vector<Action> clean_up(const PromotionRequest& request, const Belongings& owned,
                             Finalizer finalizer);

/// Adds the finalizer unless it is there. Before the first thing that would outlive the request.
void hold_finalizer(const PromotionRequest& request, std::vector<Action>& actions);

}  // namespace stagekeeper::promotion
