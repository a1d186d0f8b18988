#include "promotion/pins.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

namespace stagekeeper::promotion {
namespace {

/// Replaces left to right in one pass: a value is never itself searched for variables.
std::string fill_in(std::string_view text,
                    const std::vector<std::pair<std::string_view, std::string>>& variables) {
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

}  // namespace

std::vector<EnvVar> render_pins(const ServingTarget& target, const VersionRef& version) {
  std::vector<EnvVar> out;
  if (version.version.empty()) return out;
  for (const PinEnv& pin : target.pin) {
    out.push_back({.name = pin.name,
                   .value = fill_in(pin.value, {{"${model}", target.model},
                                                {"${version}", version.version},
                                                {"${digest}", version.digest},
                                                {"${artifactUri}", version.artifact_uri}}),
                   .from_source = false});
  }
  return out;
}

bool pins_match(const Deployment& deployment, const ServingTarget& target,
                const VersionRef& version) {
  const auto container =
      std::ranges::find(deployment.containers, target.container, &ContainerEnv::container);
  if (container == deployment.containers.end()) return false;
  const std::vector<EnvVar> wanted = render_pins(target, version);
  return std::ranges::all_of(target.pin, [&](const PinEnv& pin) {
    const auto is = std::ranges::find(container->env, pin.name, &EnvVar::name);
    const auto want = std::ranges::find(wanted, pin.name, &EnvVar::name);
    if (want == wanted.end()) return is == container->env.end();
    return is != container->env.end() && *is == *want;
  });
}

std::uint64_t pinned_sequence(const Deployment& deployment) {
  const auto found = deployment.meta.annotations.find(kSequenceAnnotation);
  if (found == deployment.meta.annotations.end()) return 0;
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool number = error == std::errc() && end == text.data() + text.size();
  return number ? value : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace stagekeeper::promotion
