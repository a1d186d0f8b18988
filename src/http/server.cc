#include "http/server.h"

#include "http/server_session.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <fmt/format.h>
#include <list>
#include <netinet/in.h>
#include <poll.h>
#include <stop_token>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace stagekeeper::http {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxConnections = 64;
constexpr int kBacklog = 64;
constexpr std::chrono::seconds kIdleTimeout{30};
constexpr std::chrono::seconds kRequestTimeout{5};  ///< from its first byte, and to take an answer
constexpr std::chrono::seconds kLinger{1};
constexpr std::chrono::milliseconds kTick{500};

Time now() {
  return std::chrono::steady_clock::now();
}

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}

  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// One peer. Reads into a session of bounded size, never more; writes what the session says.
class Connection {
 public:
  Connection(Descriptor socket, const Handler& handler)
      : socket_(std::move(socket)), session_(handler), deadline_(now() + kIdleTimeout) {}

  [[nodiscard]] int fd() const { return socket_.get(); }

  [[nodiscard]] Time deadline() const { return deadline_; }

  [[nodiscard]] short events() {
    // Who does not take his answers is not read from.
    return session_.out().empty() ? POLLIN : POLLOUT;
  }

  /// False when the connection is over.
  bool step(short happened) {
    if (now() >= deadline_ || (happened & (POLLERR | POLLNVAL)) != 0) return false;
    if ((happened & (POLLIN | POLLHUP)) != 0 && session_.out().empty() && !read()) return false;
    return write();
  }

 private:
  bool read() {
    std::array<char, 4096> piece{};
    const ssize_t got = recv(socket_.get(), piece.data(), piece.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    if (ended_) return true;  // dropped: a close with unread bytes would take the answer with it
    const bool began = !session_.in_request();
    session_.feed({piece.data(), static_cast<std::size_t>(got)});
    if (began || !session_.out().empty()) deadline_ = now() + kRequestTimeout;
    return true;
  }

  bool write() {
    std::string& out = session_.out();
    if (out.empty()) return true;
    const ssize_t sent = send(socket_.get(), out.data(), out.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    out.erase(0, static_cast<std::size_t>(sent));
    if (!out.empty()) return true;
    deadline_ = now() + (session_.closing() ? kLinger : kIdleTimeout);
    if (session_.closing() && !std::exchange(ended_, true)) shutdown(socket_.get(), SHUT_WR);
    return true;
  }

  Descriptor socket_;
  ServerSession session_;
  Time deadline_;
  bool ended_ = false;  ///< the last answer is sent; waiting for the peer's end
};

class SocketServer final : public Server {
 public:
  SocketServer(Descriptor listener, Descriptor wake, Handler handler)
      : listener_(std::move(listener)), wake_(std::move(wake)), handler_(std::move(handler)) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;
  SocketServer(SocketServer&&) = delete;
  SocketServer& operator=(SocketServer&&) = delete;

  ~SocketServer() override {
    thread_.request_stop();
    const std::uint64_t one = 1;
    // It can fail only when it is readable already.
    [[maybe_unused]] const ssize_t woken = ::write(wake_.get(), &one, sizeof one);
  }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      for (Connection& connection : connections_)
        polled.push_back({connection.fd(), connection.events(), 0});
      (void)poll(polled.data(), polled.size(), static_cast<int>(kTick.count()));
      auto happened = polled.begin() + 2;
      connections_.remove_if(
          [&](Connection& connection) { return !connection.step((happened++)->revents); });
      if ((polled[1].revents & POLLIN) != 0) accept_one();
    }
  }

  /// When there are too many, the one that would have been ended next makes room.
  void accept_one() {
    Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.get() < 0) {
      // Out of descriptors, say: do not spin on a listener that stays readable.
      if (errno != EAGAIN && errno != ECONNABORTED) std::this_thread::sleep_for(kTick / 10);
      return;
    }
    if (connections_.size() >= kMaxConnections) {
      connections_.erase(std::min_element(
          connections_.begin(), connections_.end(),
          [](const Connection& a, const Connection& b) { return a.deadline() < b.deadline(); }));
    }
    connections_.emplace_back(std::move(socket), handler_);
  }

  Descriptor listener_;
  Descriptor wake_;
  const Handler handler_;
  std::list<Connection> connections_;  ///< of the thread
  std::jthread thread_;
};

tl::unexpected<Error> cannot(const std::string& where) {
  return fail(ErrorCode::kUnavailable,
              fmt::format("listen on {}: {}", where, std::generic_category().message(errno)));
}

}  // namespace

Result<std::unique_ptr<Server>> make_server(const std::string& listen_address, std::uint16_t port,
                                            Handler handler) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, listen_address.c_str(), &address.sin_addr) != 1 || port == 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("cannot listen on {} port {}: write an IPv4 address and a port above 0",
                            listen_address.substr(0, 100), port));
  }
  const std::string where = fmt::format("{}:{}", listen_address, port);
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listener.get() < 0) return cannot(where);
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener.get(), kBacklog) != 0) {
    return cannot(where);
  }
  Descriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake.get() < 0) return cannot(where);
  return std::make_unique<SocketServer>(std::move(listener), std::move(wake), std::move(handler));
}

}  // namespace stagekeeper::http
