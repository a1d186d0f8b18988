#include "http/reloading_client.h"

#include "base/reloaded.h"

#include <utility>
#include <vector>

namespace stagekeeper::http {
namespace {

class ReloadingClient final : public Client {
 public:
  using Current = Reloaded<std::shared_ptr<Client>>;

  ReloadingClient(Current::Options options, Current::Make make)
      : current_(std::move(options), std::move(make)) {}

  Status ready() {
    const auto client = current_.get();
    return client ? Status() : Status(tl::unexpected(client.error()));
  }

  Result<Response> send(const Request& request) override {
    const auto client = current_.get();
    if (!client) return tl::unexpected(client.error());
    return (**client)->send(request);
  }

  Result<Response> stream(const Request& request, const BodySink& sink,
                          std::stop_token stop) override {
    const auto client = current_.get();
    if (!client) return tl::unexpected(client.error());
    return (**client)->stream(request, sink, std::move(stop));
  }

 private:
  Current current_;
};

}  // namespace

Result<std::unique_ptr<Client>> make_reloading_client(const ClientOptions& options,
                                                      const ClientFiles& files) {
  std::vector<std::string> paths;
  std::vector<std::string ClientOptions::*> members;
  const auto follow = [&](const std::string& path, std::string ClientOptions::* member) {
    if (path.empty()) return;
    paths.push_back(path);
    members.push_back(member);
  };
  follow(files.ca, &ClientOptions::ca_pem);
  follow(files.client_cert, &ClientOptions::client_cert_pem);
  follow(files.client_key, &ClientOptions::client_key_pem);
  if (paths.empty()) return make_client(options);
  auto out = std::make_unique<ReloadingClient>(
      ReloadingClient::Current::Options{.paths = std::move(paths), .interval = files.interval},
      [options, members](const std::vector<std::string>& texts) -> Result<std::shared_ptr<Client>> {
        ClientOptions now = options;
        for (std::size_t i = 0; i < members.size(); ++i) {
          // An empty text would mean: trust the system's authorities, present nothing.
          if (texts[i].empty()) return fail(ErrorCode::kInvalid, "an empty file");
          now.*members[i] = texts[i];
        }
        Result<std::unique_ptr<Client>> client = make_client(now);
        if (!client) return tl::unexpected(client.error());
        return std::shared_ptr<Client>(std::move(*client));
      });
  if (Status s = out->ready(); !s) return tl::unexpected(s.error());
  return out;
}

}  // namespace stagekeeper::http
