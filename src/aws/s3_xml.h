#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::aws {

/// One element of an S3 answer: its local name (S3's namespace is dropped), its text, its children.
/// Attributes and comments carry nothing in S3's answers and are not kept.
struct XmlElement {
  std::string name;
  std::string text;  ///< of this element alone, without its children's
  std::vector<XmlElement> children;

  /// The first child of that name, or nullptr.
  [[nodiscard]] const XmlElement* child(std::string_view wanted) const;

  /// The text of the first child of that name, or "".
  [[nodiscard]] std::string_view child_text(std::string_view wanted) const;
};

/// The largest S3 answer that is read: a page of 1,000 versions with keys of full length.
inline constexpr std::size_t kMaxXmlBytes = 4U << 20U;

/// Reads a whole XML document from an untrusted server. Bounded: kMaxXmlBytes, 8 levels, 40,000
/// elements, 16 KiB of text in an element (a session token). A document type is refused, hence
/// every entity but the five of XML itself. Errors: Invalid, with what is wrong and never the text
/// itself.
Result<XmlElement> parse_xml(std::string_view text);

/// Writes a text so that it stands for itself within an element.
std::string xml_escape(std::string_view text);

}  // namespace stagekeeper::aws
