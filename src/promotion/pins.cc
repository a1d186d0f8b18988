#include "promotion/pins.h"

#include "base/numbers.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

namespace stagekeeper::promotion {
namespace {

/// A digest begins with "sha256:".
constexpr std::string_view kTakenBack = "taken-back/";

using Variables = std::vector<std::pair<std::string_view, std::string>>;

/// Replaces left to right in one pass: a value is never itself searched for variables.
std::string fill_in(std::string_view text, const Variables& variables) {
  std::string out;
  while (!text.empty()) {
    const auto match = std::ranges::find_if(
        variables, [&](const auto& variable) { return text.starts_with(variable.first); });
    if (match == variables.end()) {
      out += text.front();
      text.remove_prefix(1);
    } else {
      out += match->second;
      text.remove_prefix(match->first.size());
    }
  }
  return out;
}

/// A pin's value that is made of the digest alone.
bool is_check(std::string_view value) {
  return value.find("${digest}") != std::string_view::npos &&
         value.find("${version}") == std::string_view::npos &&
         value.find("${artifactUri}") == std::string_view::npos;
}

}  // namespace

std::vector<const EnvVar*> entries_of(const Deployment& deployment, const std::string& container,
                                      const std::string& name) {
  std::vector<const EnvVar*> out;
  for (const ContainerSpec& each : deployment.containers) {
    if (each.name != container) continue;
    for (const EnvVar& entry : each.env)
      if (entry.name == name) out.push_back(&entry);
  }
  return out;
}

bool holds_pin(const Deployment& deployment, const RenderedPin& pin) {
  const auto found = entries_of(deployment, pin.container, pin.name);
  return found.size() == 1 && !found.front()->from_source && found.front()->value == pin.value;
}

std::vector<RenderedPin> render_pins(const ServingTarget& target, const VersionRef& version) {
  std::vector<RenderedPin> out;
  if (version.version.empty()) return out;
  const Variables variables = {{"${model}", target.model},
                               {"${version}", version.version},
                               {"${digest}", version.digest},
                               {"${artifactUri}", version.artifact_uri}};
  for (const PinEnv& pin : target.pin) {
    out.push_back(
        {.container = pin.container, .name = pin.name, .value = fill_in(pin.value, variables)});
  }
  return out;
}

bool holds_pins(const Deployment& deployment, const ServingTarget& target,
                const std::vector<RenderedPin>& pins) {
  return std::ranges::all_of(
             target.pin,
             [&](const PinEnv& pin) {
               const auto want = std::ranges::find_if(pins, [&](const RenderedPin& each) {
                 return each.container == pin.container && each.name == pin.name;
               });
               return want == pins.end() ? entries_of(deployment, pin.container, pin.name).empty()
                                         : holds_pin(deployment, *want);
             }) &&
         missing_container(deployment, target).empty();
}

bool holds_pins(const Deployment& deployment, const ServingTarget& target,
                const VersionRef& version) {
  return holds_pins(deployment, target, render_pins(target, version));
}

std::vector<RenderedPin> borne_pins(const Deployment& deployment,
                                    const std::vector<RenderedPin>& wanted) {
  std::vector<RenderedPin> out;
  std::ranges::copy_if(wanted, std::back_inserter(out),
                       [&](const RenderedPin& pin) { return holds_pin(deployment, pin); });
  return out;
}

bool runs_version(const Deployment& deployment, const ServingTarget& target,
                  const std::vector<RenderedPin>& pins) {
  const bool fits = std::ranges::all_of(pins, [&](const RenderedPin& pin) {
    if (holds_pin(deployment, pin)) return true;
    const auto of = std::ranges::find_if(target.pin, [&](const PinEnv& each) {
      return each.container == pin.container && each.name == pin.name;
    });
    return of != target.pin.end() && is_check(of->value) &&
           entries_of(deployment, pin.container, pin.name).empty();
  });
  return fits && !borne_pins(deployment, pins).empty() &&
         missing_container(deployment, target).empty();
}

std::string missing_container(const Deployment& deployment, const ServingTarget& target) {
  for (const PinEnv& pin : target.pin) {
    const auto& containers = deployment.containers;
    if (std::ranges::find(containers, pin.container, &ContainerSpec::name) == containers.end())
      return pin.container;
  }
  return "";
}

std::string lacks_text(const Deployment& deployment, std::string_view container) {
  std::vector<std::string> names;
  std::ranges::transform(
      deployment.containers, std::back_inserter(names),
      [](const ContainerSpec& each) { return each.name + (each.init ? " (init)" : ""); });
  return fmt::format("Deployment {} has no container {} (it has {})", deployment.meta.name,
                     container, fmt::join(names, ", "));
}

std::uint64_t pinned_sequence(const Deployment& deployment) {
  const auto found = deployment.meta.annotations.find(kSequenceAnnotation);
  if (found == deployment.meta.annotations.end()) return 0;
  return whole_number<std::uint64_t>(found->second)
      .value_or(std::numeric_limits<std::uint64_t>::max());
}

std::string taken_back_mark(const ObjectMeta& request) {
  return fmt::format("{}{}/{}", kTakenBack, request.name, request.uid);
}

bool taken_back_by(const Deployment& deployment, const ObjectMeta& request) {
  return annotation_of(deployment.meta, kRecordAnnotation) == taken_back_mark(request);
}

std::optional<std::string> taken_back(const Deployment& deployment) {
  const std::string mark = annotation_of(deployment.meta, kRecordAnnotation);
  if (!mark.starts_with(kTakenBack)) return std::nullopt;
  const std::size_t begin = kTakenBack.size();
  return mark.substr(begin, mark.find('/', begin) - begin);
}

}  // namespace stagekeeper::promotion
