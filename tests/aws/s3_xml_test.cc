#include "aws/s3_xml.h"

#include "aws/s3_answer.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;
using aws::parse_xml;

namespace {

std::string repeat(const std::string& text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += text;
  return out;
}

constexpr const char* kPage = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Name>audit</Name><Prefix>v1/</Prefix><KeyMarker/><MaxKeys>1000</MaxKeys>
  <IsTruncated>true</IsTruncated>
  <NextKeyMarker>v1/b</NextKeyMarker><NextVersionIdMarker>2</NextVersionIdMarker>
  <Version><Key>v1/a</Key><VersionId>1</VersionId><IsLatest>true</IsLatest><Size>3</Size>
    <Owner><ID>x</ID></Owner></Version>
  <DeleteMarker><Key>v1/b</Key><VersionId>2</VersionId><IsLatest>false</IsLatest></DeleteMarker>
</ListVersionsResult>)";

}  // namespace

TEST_CASE("xml: reads elements, text and the five entities") {
  const auto root =
      parse_xml("<a:R xmlns:a='u'><!-- c --><K>x &amp; &lt;y&gt; &#65;</K><K>2</K></a:R>");
  REQUIRE(root);
  CHECK(root->name == "R");
  CHECK(root->child_text("K") == "x & <y> A");
  CHECK(root->children.size() == 2);
  CHECK(root->child("Missing") == nullptr);
}

TEST_CASE("xml: refuses what is malformed or out of bounds") {
  struct Row {
    const char* what;
    std::string text;
  };

  const Row rows[] = {
      {"empty", ""},
      {"no element", "hello"},
      {"JSON", "{\"a\":1}"},
      {"unclosed", "<a><b></b>"},
      {"crossed", "<a><b></a></b>"},
      {"two roots", "<a/><b/>"},
      {"text behind", "<a/>x"},
      {"unknown entity", "<a>&x;</a>"},
      {"document type", "<!DOCTYPE a><a/>"},
      {"billion laughs", "<!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>"},
      {"external entity", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"},
      {"too deep", repeat("<a>", 9) + repeat("</a>", 9)},
      {"too many elements", "<a>" + repeat("<b/>", 40'000) + "</a>"},
      {"too much text", "<a>" + std::string(16385, 'x') + "</a>"},
      {"too large", "<a>" + repeat("<b/>", (aws::kMaxXmlBytes / 4) + 1) + "</a>"},
      {"not UTF-8", "<a>\xff</a>"},
      {"control character", std::string("<a>\x01</a>")},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto root = parse_xml(row.text);
    REQUIRE_FALSE(root);
    CHECK(root.error().code == ErrorCode::kInvalid);
  }
}

TEST_CASE("xml: keeps to its limits exactly") {
  CHECK(parse_xml(repeat("<a>", 8) + repeat("</a>", 8)));
  CHECK(parse_xml("<a>" + std::string(16384, 'x') + "</a>"));
  CHECK(parse_xml("<a>" + repeat("<b/>", 39'999) + "</a>"));
}

TEST_CASE("xml: an escaped text reads back as it was") {
  const std::string text = "a<b>&amp;\"'";
  const auto root = parse_xml("<a>" + aws::xml_escape(text) + "</a>");
  REQUIRE(root);
  CHECK(root->text == text);
}

TEST_CASE("s3 answer: reads a page of versions and where it goes on") {
  const auto page = aws::read_version_page(kPage, {});
  REQUIRE(page);
  REQUIRE(page->entries.size() == 2);
  CHECK(page->entries[0].key == "v1/a");
  CHECK(page->entries[0].is_latest);
  CHECK_FALSE(page->entries[0].delete_marker);
  CHECK(page->entries[1].delete_marker);
  REQUIRE(page->next);
  CHECK(page->next->key_marker == "v1/b");
  CHECK(page->next->version_id_marker == "2");
}

TEST_CASE("s3 answer: refuses pages that do not add up") {
  struct Row {
    const char* what;
    std::string body;
    aws::VersionMarker from;
  };

  const Row rows[] = {
      {"another answer",
       "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
       {}},
      {"no word about completeness", "<ListVersionsResult></ListVersionsResult>", {}},
      {"cut off", std::string(kPage).substr(0, 400), {}},
      {"truncated without a marker",
       "<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>",
       {}},
      {"a loop", kPage, {.key_marker = "v1/b", .version_id_marker = "2"}},
      {"backwards", kPage, {.key_marker = "v1/c", .version_id_marker = "2"}},
      {"a version without id",
       "<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>k</Key></Version>"
       "</ListVersionsResult>",
       {}},
      {"a marker without key",
       "<ListVersionsResult><IsTruncated>false</IsTruncated><DeleteMarker><VersionId>k</VersionId>"
       "</DeleteMarker></ListVersionsResult>",
       {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK_FALSE(aws::read_version_page(row.body, row.from));
  }
}

TEST_CASE("s3 answer: reads locks as stores write them") {
  const auto fractions = aws::read_retention(
      "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>COMPLIANCE</Mode>"
      "<RetainUntilDate>2030-01-02T03:04:05.678Z</RetainUntilDate></Retention>");
  REQUIRE(fractions);
  CHECK(fractions->mode == aws::LockMode::kCompliance);
  CHECK(format_time(fractions->retain_until) == "2030-01-02T03:04:05Z");
  CHECK(
      aws::read_retention("<ObjectLockRetention><Mode>COMPLIANCE</Mode><RetainUntilDate>"
                          "2030-01-02T03:04:05Z</RetainUntilDate></ObjectLockRetention>"));
  const auto none = aws::read_retention("<Retention></Retention>");
  REQUIRE(none);
  CHECK(none->mode == aws::LockMode::kNone);
  for (const char* bad : {"<Retention><Mode>COMPLIANCE</Mode></Retention>",
                          "<Retention><RetainUntilDate>2030-01-02T03:04:05Z</RetainUntilDate>"
                          "</Retention>",
                          "<Retention><Mode>compliance</Mode><RetainUntilDate>2030-01-02T03:04:05Z"
                          "</RetainUntilDate></Retention>",
                          "<Other/>"}) {
    CAPTURE(bad);
    CHECK_FALSE(aws::read_retention(bad));
  }
}

TEST_CASE("s3 answer: reads the bucket's settings") {
  const auto lock = aws::read_bucket_lock(
      "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
      "<DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>"
      "</ObjectLockConfiguration>");
  REQUIRE(lock);
  CHECK(lock->enabled);
  CHECK(lock->default_mode == aws::LockMode::kGovernance);
  CHECK(aws::read_versioning("<VersioningConfiguration><Status>Enabled</Status>"
                             "</VersioningConfiguration>")
            .value());
  CHECK_FALSE(aws::read_versioning("<VersioningConfiguration/>").value());
}
