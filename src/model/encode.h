#pragma once

#include "model/objects.h"

#include <string>
#include <vector>

namespace stagekeeper {

/// One custom resource as JSON for the API server: apiVersion, kind, metadata, spec, and what our
/// statuses are read for. Members that equal their default are left out. The inverse of decode().
template <typename T>
std::string encode(const T& object);

template <>
std::string encode(const ModelVersion& object);
template <>
std::string encode(const PromotionPolicy& object);
template <>
std::string encode(const ServingTarget& object);
template <>
std::string encode(const PromotionRequest& object);
template <>
std::string encode(const Approval& object);
template <>
std::string encode(const GateClass& object);

/// Every path that the field table of T names: "spec.stages[].name". A member of which the content
/// belongs to somebody else ends in ".*".
template <typename T>
std::vector<std::string> field_paths();

template <>
std::vector<std::string> field_paths<ModelVersion>();
template <>
std::vector<std::string> field_paths<PromotionPolicy>();
template <>
std::vector<std::string> field_paths<ServingTarget>();
template <>
std::vector<std::string> field_paths<PromotionRequest>();
template <>
std::vector<std::string> field_paths<Approval>();
template <>
std::vector<std::string> field_paths<GateClass>();

}  // namespace stagekeeper
