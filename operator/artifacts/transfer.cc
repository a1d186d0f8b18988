#include "operator/artifacts/transfer.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::artifacts {
namespace {

using gates::because;
using gates::Reason;
using gates::Reasoned;

constexpr std::chrono::milliseconds kFirstPause{1000};
constexpr std::chrono::milliseconds kLongestPause{30'000};

/// One object on its way.
class Transfer {
 public:
  Transfer(const Item& item, ObjectSource& source, Sink& sink)
      : item_(item), source_(source), sink_(sink) {}

  /// Reads on, from where it is to the end. True: all is there.
  Result<bool> go_on() {
    if (size_ && received_ > 0 && received_ == *size_) return true;  // only the end was missed
    const Status read = source_.read(
        item_.object, {.offset = received_, .etag = etag_},
        [this](const artifact::AnswerBody& body) {
          etag_ = body.etag;
          size_ = body.size_bytes;
        },
        [this](std::string_view piece) { return take(piece); });
    if (too_large_ || !kept_) return true;
    if (!read) return tl::unexpected(read.error());
    if (size_ && received_ < *size_)
      return fail(ErrorCode::kUnavailable, fmt::format("{} of {} bytes came", received_, *size_));
    return true;
  }

  /// Begins again at the first byte where nothing says that the rest would fit.
  void prepare() {
    if (!etag_.empty()) return;
    sha_ = Sha256();
    received_ = 0;
    kept_ = sink_.restart();
  }

  /// The verdict on what has come.
  Reasoned<Received> end() {
    if (too_large_) {
      return because("ObjectTooLarge", fmt::format("{} {} is larger than {} bytes", item_.what,
                                                   item_.object.uri(), *item_.max_bytes));
    }
    if (!kept_) return full();
    Received out{.digest = sha_.finish(), .size_bytes = received_};
    if (!item_.digest.str().empty() && out.digest != item_.digest) {
      return because(item_.mismatch, fmt::format("{} has digest {}, expected {}", item_.what,
                                                 out.digest.str(), item_.digest.str()));
    }
    if (!sink_.finish()) return full();
    return out;
  }

  [[nodiscard]] Reason reason(const Error& error) const {
    const char* code = "FetchRefused";
    if (error.code == ErrorCode::kConflict) code = "ObjectChanged";
    if (may_pass(error)) code = "FetchFailed";
    return {.code = code,
            .message = fmt::format("{} {}: {}", item_.what, item_.object.uri(), error.message)};
  }

  static bool may_pass(const Error& error) {
    return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kThrottled;
  }

  [[nodiscard]] std::uint64_t received() const { return received_; }

  [[nodiscard]] bool kept() const { return kept_; }

  [[nodiscard]] bool resumable() const { return !etag_.empty(); }

 private:
  bool take(std::string_view piece) {
    if (item_.max_bytes && piece.size() > *item_.max_bytes - received_) {
      too_large_ = true;
      return false;
    }
    received_ += piece.size();
    sha_.update(piece);
    kept_ = sink_.write(piece);
    return kept_;
  }

  [[nodiscard]] tl::unexpected<Reason> full() const {
    return because("DiskFull",
                   fmt::format("cannot write {}: is the volume too small?", item_.what));
  }

  const Item& item_;
  ObjectSource& source_;
  Sink& sink_;
  Sha256 sha_;
  std::uint64_t received_ = 0;
  std::string etag_;
  std::optional<std::uint64_t> size_;
  bool kept_ = true;
  bool too_large_ = false;
};

}  // namespace

Reasoned<Received> transfer(const Item& item, ObjectSource& source, Sink& sink,
                            const Patience& patience) {
  Transfer now(item, source, sink);
  std::chrono::milliseconds pause = kFirstPause;
  int vain = 0;
  for (int resumed = 0;; ++resumed) {
    const std::uint64_t before = now.received();
    const Result<bool> done = now.go_on();
    if (done) return now.end();
    if (now.resumable() && now.received() > before) {
      vain = 0;
      pause = kFirstPause;
    }
    const bool again = Transfer::may_pass(done.error()) && ++vain < patience.attempts &&
                       resumed < patience.resumptions;
    if (!again) return tl::unexpected(now.reason(done.error()));
    patience.sleep(done.error().retry_after.value_or(pause));
    pause = std::min(pause * 2, kLongestPause);
    now.prepare();
    if (!now.kept()) return now.end();
  }
}

}  // namespace stagekeeper::artifacts
