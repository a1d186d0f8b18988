#pragma once

#include "base/result.h"
#include "http/client.h"
#include "http/cpprest_client.h"

#include <chrono>
#include <memory>
#include <string>

namespace stagekeeper::http {

/// Where the PEM texts of ClientOptions come from, when somebody may replace them. Empty: the text
/// in the options stands. Files of at most 1 MiB, as large as any bundle of public authorities.
struct ClientFiles {
  std::string ca = {};
  std::string client_cert = {};
  std::string client_key = {};
  std::chrono::milliseconds interval = std::chrono::seconds(3);  ///< between two looks at them
};

/// A client that follows its files: seconds after they have changed, new requests trust and present
/// what they say; requests under way end as they began. Files that cannot be read or used leave
/// things as they are. Without files it is what make_client makes.
/// Errors: those of make_client and read_file, for the files as they are now.
Result<std::unique_ptr<Client>> make_reloading_client(const ClientOptions& options,
                                                      const ClientFiles& files);

}  // namespace stagekeeper::http
