// From flags to what an App is told: the words of its command line, its keys.
#pragma once

#include <string>
#include <vector>

#include <fairlead/fairlead.h>

#include "flags.h"

namespace teleport_peer {

// The command line of an App, as App's constructor takes it. Lives as long as the App is made.
class CommandLine {
 public:
  explicit CommandLine(std::vector<std::string> words) : words_(std::move(words)) {
    for (const std::string& word : words_) pointers_.push_back(word.c_str());
  }
  int count() const { return static_cast<int>(pointers_.size()); }
  const char* const* words() const { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<const char*> pointers_{};
};

CommandLine server_words(const Flags& flags);
CommandLine client_words();

// The address with its network: "tcp4://127.0.0.1:9090", "unix:/tmp/peer.sock", "tls://[::1]:9443".
std::string url_of(const Flags& flags);

// How the client speaks to the server, and as whom; an empty token logs in nowhere.
fl::ClientOptions client_options(const Flags& flags, const std::string& token);

// --secure-form.
fl::wire::SecureForm form_of(const Flags& flags);

// Both forms from the one key of the command line. A program that is no check reads them from files
// (setting `secure`).
// Errors: kBadMessage `secure.bad_key`.
fl::Result<fl::SecureKeys> keys_from(const std::string& key);
// Prints why and gives the exit code.
int refuse_key(const fl::Status& why);

}  // namespace teleport_peer
