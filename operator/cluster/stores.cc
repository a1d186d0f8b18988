#include "operator/cluster/stores.h"

namespace stagekeeper {
namespace {

/// Finds what bears a label by the label's value, within the object's namespace if `with_ns`.
template <typename T>
typename runtime::Store<T>::Indexer by_label(const char* key, bool with_ns = false) {
  return [key, with_ns](const T& object) -> std::vector<std::string> {
    std::string value = label_of(object.meta, key);
    if (value.empty()) return {};
    return {with_ns ? in_ns(object.meta.ns, value) : std::move(value)};
  };
}

}  // namespace

std::string in_ns(const std::string& ns, const std::string& name) {
  return ns + "/" + name;
}

Stores::Stores()
    : requests({{"model",
                 [](const PromotionRequest& r) { return std::vector{in_ns(r.meta.ns, r.model)}; }},
                {"uid", [](const PromotionRequest& r) { return std::vector{r.meta.uid}; }}}),
      approvals({{"request-uid", [](const Approval& a) { return std::vector{a.request_uid}; }}}),
      versions({{"model",
                 [](const ModelVersion& v) { return std::vector{in_ns(v.meta.ns, v.model)}; }}}),
      targets(
          {{"model", [](const ServingTarget& t) { return std::vector{in_ns(t.meta.ns, t.model)}; }},
           {"workload",
            [](const ServingTarget& t) { return std::vector{in_ns(t.meta.ns, t.workload.name)}; }},
           {"service",
            [](const ServingTarget& t) {
              return std::vector{in_ns(t.meta.ns, t.inference.service)};
            }}}),
      deployments({{"request-uid", by_label<Deployment>(kRequestUidLabel)},
                   {"claim", by_label<Deployment>(kTargetLabel, true)}}),
      services({{"namespace", [](const Service& s) { return std::vector{s.meta.ns}; }}}),
      slices({{"service",
               [](const EndpointSlice& s) -> std::vector<std::string> {
                 if (s.service.empty()) return {};
                 return {in_ns(s.meta.ns, s.service)};
               }}}),
      jobs({{"request-uid", by_label<Job>(kRequestUidLabel)}}) {}

}  // namespace stagekeeper
