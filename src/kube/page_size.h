#pragma once

namespace stagekeeper::kube {

/// How many objects to ask for in the next page of a list: as many as usual, fewer while the
/// answers are larger than the client takes, more when the list takes so long that its tokens
/// expire. Pure; not thread-safe.
class PageSize {
 public:
  static constexpr int kUsual = 100;
  static constexpr int kMost = 10'000;

  explicit PageSize(int usual = kUsual) : usual_(usual), ceiling_(usual), limit_(usual) {}

  /// What to ask for now, at least 1.
  [[nodiscard]] int limit() const { return limit_; }

  /// The answer was too large: half of it. False when it was a single object, so that less cannot
  /// be asked for.
  bool halve() {
    good_pages_ = 0;
    if (limit_ == 1) return false;
    limit_ /= 2;
    return true;
  }

  /// A page has come. After a few of them larger ones are tried again.
  void page_done() {
    constexpr int kGoodPages = 4;
    if (++good_pages_ < kGoodPages) return;
    good_pages_ = 0;
    limit_ = limit_ > ceiling_ / 2 ? ceiling_ : limit_ * 2;
  }

  /// The list was not over when its token expired: fewer and larger pages.
  void expired() {
    constexpr int kFactor = 4;
    ceiling_ = ceiling_ > kMost / kFactor ? kMost : ceiling_ * kFactor;
    limit_ = ceiling_;
    good_pages_ = 0;
  }

  /// The list is over: the next one begins as usual.
  void list_done() { *this = PageSize(usual_); }

 private:
  int usual_;
  int ceiling_;
  int limit_;
  int good_pages_ = 0;
};

}  // namespace stagekeeper::kube
