// What the tests of the monitor share: plans by hand, clients of the command socket, temporary directories.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "child/blob.hpp"
#include "monitor/loop.hpp"
#include "plan/plan.hpp"
#include "runtime/command_protocol.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace berth::test {

// A plan together with its encoding.
struct EncodedPlan {
  plan::Plan plan;
  std::string bytes;
  std::unique_ptr<child::BlobView> view;

  const child::BlobView& blob() {
    bytes = plan::encode(plan);
    view = std::make_unique<child::BlobView>(bytes.data(), bytes.size());
    return *view;
  }
  plan::PlannedStep& add(child::Phase phase, child::Op op) {
    plan::PlannedStep& step = plan.steps.emplace_back();
    step.phase = phase;
    step.op = op;
    step.doing = "testing";
    return step;
  }
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char pattern[] = "/tmp/berth-monitor-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string contents(const std::string& path) { return sys::read_file(path).value_or("<unreadable>"); }

// Runs the loop until `done` holds, a second at most.
inline bool run_until(monitor::Loop& loop, const std::function<bool()>& done) {
  static struct Alarm final : monitor::Watcher {
    void on_ready(std::uint32_t) override {}
  } alarm;
  for (int rounds = 0; rounds < 1000; ++rounds) {
    if (done()) return true;
    // A timer that the code under test has set is left alone.
    if (!loop.has_timer()) loop.set_timer(1, alarm);
    if (!loop.step()) return false;
  }
  return false;
}

inline std::string request_bytes(runtime::Command command, std::uint64_t argument = 0, const std::string& data = {}) {
  runtime::CommandRequest request{};
  request.command = static_cast<std::int32_t>(command);
  request.data_length = static_cast<std::int32_t>(data.size());
  request.data = reinterpret_cast<const void*>(argument);
  std::string bytes(reinterpret_cast<const char*>(&request), sizeof request);
  return bytes + data;
}

inline void send_bytes(int fd, const std::string& bytes) {
  ASSERT_EQ(static_cast<ssize_t>(bytes.size()), ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

struct ClientReply {
  runtime::CommandResponse header{};
  std::string data;
  std::vector<Fd> descriptors;
  bool closed = false;  // end of file before a whole header
  [[nodiscard]] std::uint64_t value() const { return reinterpret_cast<std::uint64_t>(header.data); }
};

// What is there already; does not wait.
inline ClientReply read_reply(int fd) {
  ClientReply reply;
  auto header = sys::receive(fd, std::as_writable_bytes(std::span(&reply.header, 1)), MSG_DONTWAIT);
  reply.closed = header && header->bytes == 0;
  if (!header) reply.header.result = -9999;
  if (!header || header->bytes != sizeof reply.header) return reply;
  reply.descriptors = std::move(header->descriptors);
  reply.data.resize(static_cast<std::size_t>(reply.header.data_length));
  if (!reply.data.empty()) {
    const ssize_t count = ::recv(fd, reply.data.data(), reply.data.size(), MSG_DONTWAIT);
    EXPECT_EQ(static_cast<ssize_t>(reply.data.size()), count);
  }
  return reply;
}

}  // namespace berth::test
