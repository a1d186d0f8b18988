#include "base/result.h"

namespace stagekeeper {

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return "NotFound";
    case ErrorCode::kAlreadyExists:
      return "AlreadyExists";
    case ErrorCode::kConflict:
      return "Conflict";
    case ErrorCode::kFieldConflict:
      return "FieldConflict";
    case ErrorCode::kGone:
      return "Gone";
    case ErrorCode::kDenied:
      return "Denied";
    case ErrorCode::kMisconfigured:
      return "Misconfigured";
    case ErrorCode::kInvalid:
      return "Invalid";
    case ErrorCode::kTooLarge:
      return "TooLarge";
    case ErrorCode::kThrottled:
      return "Throttled";
    case ErrorCode::kUnavailable:
      return "Unavailable";
    case ErrorCode::kCancelled:
      return "Cancelled";
    case ErrorCode::kCorrupt:
      return "Corrupt";
  }
  return "Unknown";
}

Error Error::context(std::string_view what) && {
  std::string text(what);
  text += ": ";
  text += message;
  message = std::move(text);
  return std::move(*this);
}

bool is_transient(const Error& error) {
  switch (error.code) {
    case ErrorCode::kConflict:
    case ErrorCode::kGone:
    case ErrorCode::kThrottled:
    case ErrorCode::kUnavailable:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
      return true;
    case ErrorCode::kFieldConflict:
    case ErrorCode::kDenied:
    case ErrorCode::kMisconfigured:
    case ErrorCode::kInvalid:
    case ErrorCode::kTooLarge:
    case ErrorCode::kCancelled:
    case ErrorCode::kCorrupt:
      return false;
  }
  return false;
}

}  // namespace stagekeeper
