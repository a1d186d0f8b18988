#include "base/text.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)

TEST_CASE("text: knows well-formed UTF-8") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF"));
  for (const char* bad :
       {"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\x80", "a\xC3", "\xE2\x82", "\xC3(", "\xFF"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("text: is cut between code points, with a mark only where one is asked for and fits") {
  CHECK(cut_utf8("a\xC3\xA4", 3) == "a\xC3\xA4");
  CHECK(cut_utf8("a\xC3\xA4", 2) == "a");
  CHECK(cut_utf8("\xF0\x9F\x98\x80", 3).empty());
  CHECK(cut_utf8("", 0).empty());
  CHECK(cut_utf8("abcdef", 5, CutMark::kEllipsis) == "ab\xE2\x80\xA6");
  CHECK(cut_utf8("a\xC3\xA4xyz", 5, CutMark::kEllipsis) == "a\xE2\x80\xA6");
  CHECK(cut_utf8("abcde", 5, CutMark::kEllipsis) == "abcde");
  CHECK(cut_utf8("abcde", 2, CutMark::kEllipsis) == "ab");
}

TEST_CASE("text: whatever is cut stays UTF-8 and within its limit") {
  const std::string text = "x\xC3\xA4y\xE2\x82\xACz\xF0\x9F\x98\x80w";
  for (std::size_t limit = 0; limit <= text.size() + 1; ++limit) {
    CAPTURE(limit);
    for (const CutMark mark : {CutMark::kNone, CutMark::kEllipsis}) {
      CHECK(is_utf8(cut_utf8(text, limit, mark)));
      CHECK(cut_utf8(text, limit, mark).size() <= limit);
      CHECK(printable(text, limit, mark) == cut_utf8(text, limit, mark));
    }
  }
}

TEST_CASE("text: printable leaves nothing that moves a cursor or forges a line") {
  CHECK(printable("a\nb\tc\rd", 100) == "a b c d");
  CHECK(printable("\x1B[31m\x7F\xC2\x9B", 100) == "?[31m??");
  CHECK(printable("a\xFF\xC3z", 100) == "a??z");
  CHECK(printable("1\xE2\x80\xAE"
                  "2\xE2\x80\x8B"
                  "3\xEF\xBB\xBF",
                  100) == "1?2?3?");
  CHECK(printable(std::string_view("a\0b", 3), 100) == "a?b");
  CHECK(printable("abcdef", 3) == "abc");
  CHECK(printable("abcdef", 4, CutMark::kEllipsis) == "a\xE2\x80\xA6");
  CHECK(printable("gr\xC3\xBC\xC3\x9F", 100) == "gr\xC3\xBC\xC3\x9F");
  CHECK(is_utf8(printable("\xED\xA0\x80\xF4\x90\x80\x80\xC0\xAF", 100)));
}

TEST_CASE("text: escaped tells what was there") {
  CHECK(escaped("v1.2 (gr\xC3\xBCn)") == "v1.2 (gr\xC3\xBCn)");
  CHECK(escaped("a\nb\x1B[2J\x7F") == "a\\x0ab\\x1b[2J\\x7f");
  CHECK(escaped("\xFFz\xC3") == "\\xffz\\xc3");
  CHECK(escaped("x\xE2\x80\xAEy\xC2\x9Bz") == "x\\u{202e}y\\u{9b}z");
  CHECK(escaped("plain \u00E9 \u20AC \U0001F600") == "plain \u00E9 \u20AC \U0001F600");
  CHECK(escaped("\u200b\u2066") == "\\u{200b}\\u{2066}");
  CHECK(escaped(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(escaped("\xED\xA0\x80") == "\\xed\\xa0\\x80");
}

TEST_CASE("text: counts characters, not bytes") {
  CHECK(display_width("") == 0);
  CHECK(display_width("gr\xC3\xBC\xC3\x9F") == 4);
}

TEST_CASE("text: UTF-16 sorts an astral character before the private use area") {
  CHECK(utf16("a\xC3\xA4") == u"a\u00E4");
  CHECK(utf16("\xF0\x9F\x98\x80") == u"\xD83D\xDE00");
  CHECK(utf16("\xF0\x9F\x98\x80") < utf16("\xEF\xAC\xB3"));
  CHECK(utf16("\xFF").empty());
}

TEST_CASE("text: joins parts, with the empty ones or without") {
  CHECK(join(std::vector<std::string>{}, ", ").empty());
  CHECK(join(std::vector<std::string>{"a", "", "b"}, ", ") == "a, , b");
  CHECK(join({"a", "b"}, "/") == "a/b");
  CHECK(join_filled({"", "a", "", "b", ""}, "  ") == "a  b");
}

TEST_CASE("text: lower case is ASCII's, in any locale") {
  CHECK(lower_ascii("X-Amz-Date \xC3\x84") == "x-amz-date \xC3\x84");
}
