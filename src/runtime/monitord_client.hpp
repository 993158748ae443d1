// Listens to the lxc-monitord of a lxcpath, berth's or LXC's own.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/monitord_protocol.hpp"

namespace berth::runtime {

class MonitordClient {
 public:
  // Starts berth's own when none runs.
  static Result<MonitordClient> open(const std::string& lxcpath);
  // Error with code ECONNREFUSED: none runs.
  static Result<MonitordClient> connect(const std::string& lxcpath);

  // Readable when receive() has something to say.
  [[nodiscard]] int fd() const { return connection_.get(); }
  // What has come; waits for the first of it. Error: it has ended or hung up.
  Result<std::vector<StateMessage>> receive();
  Status ask_to_quit();

 private:
  MonitordClient(std::string lxcpath, Fd connection) : lxcpath_(std::move(lxcpath)), connection_(std::move(connection)) {}
  std::string lxcpath_;
  Fd connection_;
  MessageReader reader_;
};

}  // namespace berth::runtime
