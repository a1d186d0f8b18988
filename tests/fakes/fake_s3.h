#pragma once

#include "http/client.h"
#include "tests/fakes/memory_store.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace stagekeeper::fakes {

/// How a store or an account deviates from what S3 promises.
struct S3Quirks {
  bool overwrites = false;           ///< If-None-Match is ignored
  bool deletes = false;              ///< a locked version can be deleted
  bool ignores_deletes = false;      ///< … is answered with success and stays
  bool shortens = false;             ///< a lock can be shortened
  bool may_delete = true;            ///< the account has s3:DeleteObjectVersion
  bool may_change_retention = true;  ///< the account has s3:PutObjectRetention for what exists
  bool may_write = true;
  bool locks = true;  ///< lock headers have an effect
};

/// An S3 server behind the http::Client port, without sockets: path-style, the few calls that
/// S3Client makes, on the objects of a MemoryStore. Signatures are not checked.
class FakeS3 final : public http::Client {
 public:
  FakeS3(MemoryStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  Result<http::Response> send(const http::Request& request) override;
  Result<http::Response> stream(const http::Request& request, const http::BodySink& sink,
                                std::stop_token stop) override;

  S3Quirks quirks;

  /// Takes the place of an answer when it returns one.
  std::function<std::optional<http::Response>(const http::Request&)> instead;
  std::vector<http::Request> requests;

 private:
  http::Response put(const http::Request& request, const std::string& key);
  http::Response put_retention(const http::Request& request, const std::string& key,
                               const std::string& version);
  http::Response remove(const std::string& key, const std::string& version);
  http::Response get(const std::string& key, const std::string& version, bool retention);
  http::Response list(const std::string& target);

  MemoryStore& store_;
  const Clock& clock_;
};

/// An S3 error answer.
http::Response s3_error_answer(int status, const std::string& code, const std::string& message);

}  // namespace stagekeeper::fakes
