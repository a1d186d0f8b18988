#include "http/server.h"

#include "http/cpprest_client.h"

#include <cpprest/http_listener.h>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::http {
namespace {

using web::http::http_request;
using web::http::http_response;
using web::http::experimental::listener::http_listener;
using web::http::experimental::listener::http_listener_config;

constexpr std::size_t kMaxTargetBytes = 2048;
constexpr std::chrono::seconds kIdleTimeout{30};

http_listener_config listener_config() {
  http_listener_config config;
  config.set_timeout(kIdleTimeout);
  return config;
}

class CpprestServer final : public Server {
 public:
  CpprestServer(const std::string& origin, Handler handler)
      : handler_(std::move(handler)), listener_(web::uri(origin), listener_config()) {
    listener_.support([this](const http_request& request) { answer(request); });
  }

  CpprestServer(const CpprestServer&) = delete;
  CpprestServer& operator=(const CpprestServer&) = delete;
  CpprestServer(CpprestServer&&) = delete;
  CpprestServer& operator=(CpprestServer&&) = delete;

  ~CpprestServer() override {
    try {
      if (open_) listener_.close().wait();
    } catch (const std::exception&) {
      open_ = false;  // nothing listens any more either way
    }
  }

  void open() {
    listener_.open().get();
    open_ = true;
  }

 private:
  void answer(const http_request& request) const {
    const ServerResponse out = respond(request);
    http_response message(static_cast<web::http::status_code>(out.status));
    message.set_body(out.body, out.content_type);
    // Observed, because an unobserved failure (the peer has gone) ends the process in pplx.
    request.reply(message).then([](const pplx::task<void>& sent) {
      try {
        sent.get();
      } catch (const std::exception&) {
        return;
      }
    });
  }

  [[nodiscard]] ServerResponse respond(const http_request& request) const {
    const web::uri& uri = request.request_uri();
    if (request.method() != web::http::methods::GET)
      return {.status = 405, .body = "only GET is served\n"};
    if (uri.path().size() + uri.query().size() > kMaxTargetBytes)
      return {.status = 414, .body = "target too long\n"};
    return handler_({.path = uri.path(), .query = uri.query()});
  }

  Handler handler_;
  http_listener listener_;
  bool open_ = false;
};

}  // namespace

Result<std::unique_ptr<Server>> make_server(const std::string& listen_address, std::uint16_t port,
                                            Handler handler) {
  initialize_pool();
  in_addr unused{};
  if (inet_pton(AF_INET, listen_address.c_str(), &unused) != 1 || port == 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("cannot listen on {} port {}: write an IPv4 address and a port above 0",
                            listen_address.substr(0, 100), port));
  }
  const std::string origin = fmt::format("http://{}:{}", listen_address, port);
  try {
    auto server = std::make_unique<CpprestServer>(origin, std::move(handler));
    server->open();
    return server;
  } catch (const std::exception& e) {
    return fail(ErrorCode::kUnavailable, fmt::format("listen on {}: {}", origin, e.what()));
  }
}

}  // namespace stagekeeper::http
