#include "gates/golden.h"

#include "base/crypto.h"
#include "base/numbers.h"
#include "gates/score.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <numeric>
#include <set>

namespace stagekeeper::gates {
namespace {

constexpr std::size_t kMaxScore = 40;

/// The `draw`-th number that a nonce gives.
std::uint64_t drawn(std::string_view nonce, int draw) {
  std::uint64_t value = 0;
  // A nonce is public to the model server in no form; any fixed function of it will do.
  const std::string hash = sha256_raw(fmt::format("{} {}", nonce, draw));
  for (const char byte : hash.substr(0, sizeof(value)))
    value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

Reasoned<GoldenRow> read_one(std::string_view text) {
  const std::size_t sign = text.find('=');
  const auto row = whole_number<std::uint64_t>(text.substr(0, sign));
  if (sign == std::string_view::npos || !row)
    return because("BadValue", "golden rows are not written as row=score");
  const std::string_view score = text.substr(sign + 1);
  if (score.size() > kMaxScore || !parse_score(score))
    return because("NotFinite", "the score of a golden row is not a finite number");
  return GoldenRow{.row = *row, .score = std::string(score)};
}

}  // namespace

std::vector<std::uint64_t> golden_rows_of(std::string_view nonce, std::uint64_t rows) {
  if (rows <= kGoldenRows) {
    std::vector<std::uint64_t> all(rows);
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  std::set<std::uint64_t> chosen;
  for (int draw = 0; chosen.size() < kGoldenRows; ++draw)
    chosen.insert(drawn(nonce, draw) % rows);
  return {chosen.begin(), chosen.end()};
}

std::string golden_text(std::span<const GoldenRow> golden) {
  std::vector<std::string> out;
  std::ranges::transform(golden, std::back_inserter(out), [](const GoldenRow& one) {
    return fmt::format("{}={}", one.row, one.score);
  });
  return fmt::format("{}", fmt::join(out, " "));
}

Reasoned<std::vector<GoldenRow>> read_golden(std::string_view text) {
  if (text.size() > kMaxGoldenBytes) return because("BadValue", "the golden rows are too long");
  std::vector<GoldenRow> out;
  while (true) {
    const std::size_t space = text.find(' ');
    SK_TRY(const GoldenRow one, read_one(text.substr(0, space)));
    if (out.size() == kGoldenRows || (!out.empty() && one.row <= out.back().row))
      return because("BadValue",
                     fmt::format("golden rows are not at most {}, ascending", kGoldenRows));
    out.push_back(one);
    if (space == std::string_view::npos) return out;
    text.remove_prefix(space + 1);
  }
}

std::vector<GoldenRow> golden_member(ObjectReader& reader, bool optional) {
  if (optional && !reader.has(kGolden)) return {};
  const std::string text = reader.text(kGolden, kMaxGoldenBytes);
  if (reader.problem()) return {};
  Reasoned<std::vector<GoldenRow>> out = read_golden(text);
  if (out) return *std::move(out);
  reader.problem(out.error().code,
                 fmt::format("{}: {}", reader.path(kGolden), out.error().message));
  return {};
}

}  // namespace stagekeeper::gates
