// Debian's libcpprest is not instrumented: ThreadSanitizer does not see the reference counts that
// it shares with our code and takes its freeing of them for a race. Only frames inside the
// library's own clean-up are named, so that a race in a sink that it calls is still reported.

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" const char* __tsan_default_suppressions();

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
const char* __tsan_default_suppressions() {
  return "race:web::http::client::details::asio_context::~asio_context\n"
         "race:web::http::http_exception::~http_exception\n"
         "race:pplx::details::_CancellationTokenCallback\n"
         "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
