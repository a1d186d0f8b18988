#pragma once

#include <memory>
#include <string>

namespace stagekeeper::fakes {

/// What a certificate says.
struct CertificateWish {
  std::string dns = {};  ///< subjectAltName DNS, empty: none
  std::string ip = {};   ///< subjectAltName IP, empty: none
  bool expired = false;  ///< ended an hour ago
};

struct CertificateAndKey {
  std::string cert_pem;
  std::string key_pem;
};

/// A certificate authority made for one test (P-256), valid for a day.
class TestCa {
 public:
  explicit TestCa(const std::string& name);

  /// One below another.
  TestCa(const std::string& name, const TestCa& parent);

  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;
  TestCa(TestCa&&) = delete;
  TestCa& operator=(TestCa&&) = delete;
  ~TestCa();

  [[nodiscard]] const std::string& pem() const { return pem_; }

  [[nodiscard]] CertificateAndKey issue(const CertificateWish& wish) const;

 private:
  struct Authority;

  TestCa(const std::string& name, const Authority* parent);

  std::unique_ptr<Authority> authority_;
  std::string pem_;
};

}  // namespace stagekeeper::fakes
