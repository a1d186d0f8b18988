// Debian's libcpprest is not instrumented: ThreadSanitizer does not see the reference counts that
// it shares with our code, nor how it hands an exception from its threads to ours, and takes the
// freeing of the one and the reading of the other for races. Only frames of the library's own
// clean-up and of the reading are named, so that a race in a sink that it calls is still reported.

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" const char* __tsan_default_suppressions();

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
const char* __tsan_default_suppressions() {
  return "race:web::http::client::details::asio_context::~asio_context\n"
         "race:web::http::http_exception::~http_exception\n"
         "race:pplx::details::_CancellationTokenCallback\n"
         "race:pplx::details::_RefCounter::_Release\n"
         "race:pplx::details::_ExceptionHolder\n"
         "race:stagekeeper::http::*::describe\n"
         "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
