// The threads of libcpprest's pool end after OpenSSL has cleaned up at exit, so what OpenSSL keeps
// for each of them (an error queue, a random generator) is never freed: some 16 kB once, whatever
// the number of requests. Full stacks are needed to tell that from leaks of our own.

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __asan_default_options();

const char* __lsan_default_suppressions() {
  return "leak:boost_asio_detail_posix_thread_function\n";
}

const char* __asan_default_options() {
  return "fast_unwind_on_malloc=0";
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
