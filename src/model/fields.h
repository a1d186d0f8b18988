#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Only for the field tables of this folder.
namespace stagekeeper::detail {

/// What a text must be beyond its type, and what to say when it is not.
struct TextRule {
  bool (*holds)(std::string_view text) = nullptr;
  std::string_view says = {};
};

/// How a text member is read.
struct TextUse {
  bool required = false;
  std::string_view fallback = {};  ///< what stands for an absent member
  TextRule rule = {};
};

/// A visitor of one kind's fields. Each kind has ONE table, `void fields(Fields&, T&)`, which names
/// every member once; the visitor reads it from JSON, writes it as JSON, or lists the paths.
///
/// Keys are those of the CRD, one level at a time. Problems carry the whole path.
class Fields {
 public:
  using Visit = std::function<void(Fields&)>;

  Fields() = default;
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;
  Fields(Fields&&) = delete;
  Fields& operator=(Fields&&) = delete;
  virtual ~Fields() = default;

  /// A text that must be there and not empty.
  void required(std::string_view key, std::string& value, const TextRule& rule = {});

  /// A text that may be absent.
  void optional(std::string_view key, std::string& value, std::string_view fallback = {},
                const TextRule& rule = {});

  /// A text of few possible ones, read and written by `set` and `get`.
  void choice(std::string_view key, std::string_view fallback, const std::string& now,
              const std::function<bool(const std::string&)>& set);

  void number(std::string_view key, int& value, std::optional<int> fallback);

  /// A whole number of which the absence says something.
  void number(std::string_view key, std::optional<int>& value);

  /// A length of time with unit: "10m".
  void duration(std::string_view key, std::chrono::milliseconds& value, std::string_view fallback);

  /// A member that must be there and that the table of T describes, or `visit` does.
  void object(std::string_view key, const Visit& visit) {
    group(key, Presence::kRequired, true, visit);
  }

  /// An object that may be absent; then nothing is read and nothing is written.
  template <typename T, typename Member>
  void object(std::string_view key, std::optional<T>& value, const Member& member) {
    T inner = value.value_or(T{});
    const bool there =
        group(key, Presence::kOptional, value.has_value(), [&](Fields& v) { member(v, inner); });
    value = there ? std::optional<T>(std::move(inner)) : std::nullopt;
  }

  /// An object whose absence is the same as all its defaults.
  void defaulted(std::string_view key, const Visit& visit) {
    group(key, Presence::kDefaulted, true, visit);
  }

  template <typename T, typename Member>
  void list(std::string_view key, std::vector<T>& items, const Member& member) {
    array(
        key, items.size(), [&](std::size_t count) { items.reserve(count); },
        [&](Fields& v, std::size_t at) {
          if (at < items.size()) {
            member(v, items[at]);
            return;
          }
          T item;
          member(v, item);
          items.push_back(std::move(item));
        });
  }

  virtual void text(std::string_view key, std::string& value, const TextUse& use) = 0;
  virtual void integer(std::string_view key, std::int64_t& value,
                       std::optional<std::int64_t> fallback) = 0;
  virtual void flag(std::string_view key, bool& value, bool fallback) = 0;
  virtual void texts(std::string_view key, std::vector<std::string>& values) = 0;

  /// Texts by name, of which the CRD says neither how many nor which: labels.
  virtual void named_texts(std::string_view key, std::map<std::string, std::string>& values) = 0;

  /// The member of a union whose key is `discriminator` with a small first letter, as JSON text,
  /// "{}" when absent. What is in it belongs to somebody else.
  virtual void member_of_union(const std::string& discriminator, std::string& json) = 0;

  /// Room for what a later version will take: it is in the CRD, which refuses it.
  virtual void refused(std::string_view key) = 0;

  /// A member that only has one value so far.
  virtual void constant(std::string_view key, std::string_view only) = 0;

  /// What is wrong beyond a single value. An empty key: the object itself.
  virtual void problem(std::string_view key, std::string_view says) = 0;

 protected:
  /// What the absence of an object means: a problem, absence, or all its defaults.
  enum class Presence { kRequired, kOptional, kDefaulted };

  /// Visits the members of an object member; returns whether it is there. Absent optional ones are
  /// not visited, neither when reading nor (`is_there`) when writing.
  virtual bool group(std::string_view key, Presence presence, bool is_there,
                     const Visit& visit) = 0;

  /// Visits `size` items when writing, those that are there when reading.
  virtual void array(std::string_view key, std::size_t size,
                     const std::function<void(std::size_t)>& expect,
                     const std::function<void(Fields&, std::size_t)>& visit) = 0;
};

/// "accuracy" for "Accuracy".
std::string union_key(std::string_view discriminator);

}  // namespace stagekeeper::detail
