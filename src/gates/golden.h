#pragma once

#include "gates/object_reader.h"
#include "gates/reason.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Golden rows: some rows of the evaluation set whose scores at the gate are compared with what
// serves after the rollout. Pure, thread-safe.
namespace stagekeeper::gates {

/// Name in Carries of the golden rows, and their member in reports and in the smoke test's
/// parameters.
inline constexpr const char* kGolden = "golden";

/// How many rows an attempt chooses. One row says little about a model of trees, of which most
/// changes leave most rows' scores as they were.
inline constexpr std::size_t kGoldenRows = 8;

/// The longest golden_text().
inline constexpr std::size_t kMaxGoldenBytes = 512;

struct GoldenRow {
  std::uint64_t row = 0;  ///< from 0, without the header line
  std::string score;      ///< of the candidate: score_text()

  friend bool operator==(const GoldenRow&, const GoldenRow&) = default;
};

/// The rows out of `rows` that an attempt chooses, ascending, each once: kGoldenRows of them, or
/// all where there are fewer. Chosen by its nonce, so that nobody who builds a model knows which
/// rows will be asked again.
std::vector<std::uint64_t> golden_rows_of(std::string_view nonce, std::uint64_t rows);

/// Rows and scores as one text, the form in which reports, records and Jobs hold them:
/// "17=0.25 4711=0.0123".
std::string golden_text(std::span<const GoldenRow> golden);

/// Reads golden_text(). Reasons: BadValue (no row, more than kGoldenRows, not ascending),
/// NotFinite.
Reasoned<std::vector<GoldenRow>> read_golden(std::string_view text);

/// Reads the member kGolden; its problems are the reader's. Empty where there is none, which is a
/// problem unless `optional`.
std::vector<GoldenRow> golden_member(ObjectReader& reader, bool optional = false);

}  // namespace stagekeeper::gates
