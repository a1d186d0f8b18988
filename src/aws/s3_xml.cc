#include "aws/s3_xml.h"

#include <expat.h>
#include <fmt/format.h>
#include <memory>
#include <optional>

namespace stagekeeper::aws {
namespace {

constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxElements = 40'000;
constexpr std::size_t kMaxTextBytes = 16U << 10U;

struct ParserFree {
  void operator()(XML_ParserStruct* parser) const { XML_ParserFree(parser); }
};

/// Collects the tree while expat reads; stops the parser at the first thing out of bounds.
class TreeBuilder {
 public:
  explicit TreeBuilder(XML_Parser parser) : parser_(parser) {
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, &on_start, &on_end);
    XML_SetCharacterDataHandler(parser, &on_text);
    XML_SetStartDoctypeDeclHandler(parser, &on_doctype);
  }

  [[nodiscard]] const std::string& refusal() const { return refusal_; }

  std::optional<XmlElement> take_root() { return std::move(root_); }

 private:
  static TreeBuilder& self(void* data) { return *static_cast<TreeBuilder*>(data); }

  static void XMLCALL on_start(void* data, const XML_Char* name, const XML_Char** /*attributes*/) {
    self(data).start(name);
  }

  static void XMLCALL on_end(void* data, const XML_Char* /*name*/) { self(data).end(); }

  static void XMLCALL on_text(void* data, const XML_Char* text, int length) {
    self(data).add_text(std::string_view(text, static_cast<std::size_t>(length)));
  }

  static void XMLCALL on_doctype(void* data, const XML_Char* /*name*/, const XML_Char* /*sysid*/,
                                 const XML_Char* /*pubid*/, int /*has_internal_subset*/) {
    self(data).refuse("a document type");
  }

  void refuse(std::string why) {
    if (refusal_.empty()) refusal_ = std::move(why);
    XML_StopParser(parser_, XML_FALSE);
  }

  void start(std::string_view name) {
    // With a stopped parser expat may still deliver one pending event.
    if (!refusal_.empty()) return;
    if (open_.size() >= kMaxDepth) return refuse(fmt::format("deeper than {}", kMaxDepth));
    if (++count_ > kMaxElements) return refuse(fmt::format("more than {} elements", kMaxElements));
    const std::size_t colon = name.rfind(':');
    if (colon != std::string_view::npos) name.remove_prefix(colon + 1);
    open_.push_back(XmlElement{.name = std::string(name)});
  }

  void end() {
    if (!refusal_.empty() || open_.empty()) return;
    XmlElement done = std::move(open_.back());
    open_.pop_back();
    if (open_.empty()) {
      root_ = std::move(done);
    } else {
      open_.back().children.push_back(std::move(done));
    }
  }

  void add_text(std::string_view text) {
    if (!refusal_.empty() || open_.empty()) return;
    std::string& into = open_.back().text;
    if (into.size() + text.size() > kMaxTextBytes) {
      return refuse(fmt::format("more than {} bytes of text in an element", kMaxTextBytes));
    }
    into += text;
  }

  XML_Parser parser_;
  std::vector<XmlElement> open_;
  std::optional<XmlElement> root_;
  std::size_t count_ = 0;
  std::string refusal_;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  for (const XmlElement& element : children) {
    if (element.name == wanted) return &element;
  }
  return nullptr;
}

std::string_view XmlElement::child_text(std::string_view wanted) const {
  const XmlElement* element = child(wanted);
  return element == nullptr ? std::string_view() : std::string_view(element->text);
}

Result<XmlElement> parse_xml(std::string_view text) {
  if (text.size() > kMaxXmlBytes) {
    return fail(ErrorCode::kInvalid, fmt::format("XML of {} bytes is larger than the limit of {}",
                                                 text.size(), kMaxXmlBytes));
  }
  const std::unique_ptr<XML_ParserStruct, ParserFree> parser(XML_ParserCreate("UTF-8"));
  if (parser == nullptr) return fail(ErrorCode::kUnavailable, "XML: out of memory");
  TreeBuilder builder(parser.get());
  const XML_Status status =
      XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
  if (!builder.refusal().empty()) {
    return fail(ErrorCode::kInvalid, "XML refused: " + builder.refusal());
  }
  std::optional<XmlElement> root = builder.take_root();
  if (status != XML_STATUS_OK || !root) {
    return fail(ErrorCode::kInvalid, fmt::format("malformed XML ({} at line {})",
                                                 XML_ErrorString(XML_GetErrorCode(parser.get())),
                                                 XML_GetCurrentLineNumber(parser.get())));
  }
  return std::move(*root);
}

std::string xml_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace stagekeeper::aws
