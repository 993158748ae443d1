#include "runtime/monitord_protocol.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/announcer.hpp"

namespace berth::runtime {
namespace {

std::string bytes_of(const StateMessage& message) { return {reinterpret_cast<const char*>(&message), sizeof message}; }

TEST(MonitordProtocol, AddressesAsLxcMakesThem) {
  // What Debian's lxc-monitord 5.0.2 binds for this path.
  EXPECT_EQ(monitord_socket_name("/tmp/pt/c"), "lxc/6b027d5d4a319980//tmp/pt/c");
  EXPECT_EQ(monitord_directory("/tmp/pt/c"), "lxc/tmp/pt/c");
  EXPECT_LE(monitord_socket_name(std::string(300, 'x')).size(), 107U);
  EXPECT_NE(monitord_socket_name(std::string(300, 'x')), monitord_socket_name(std::string(301, 'x')));
}

TEST(MessageReader, TakesMessagesInAnyPieces) {
  const std::string stream =
      bytes_of(make_message(MessageType::kState, "web1", 2)) + bytes_of(make_message(MessageType::kExitCode, "web1", 3 << 8));
  for (std::size_t piece : {1U, 7U, 264U, 300U, 528U}) {
    MessageReader reader;
    std::vector<StateMessage> messages;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const std::size_t count = std::min(piece, stream.size() - at);
      for (const StateMessage& message : reader.feed({stream.data() + at, count})) messages.push_back(message);
    }
    ASSERT_EQ(messages.size(), 2U) << piece;
    EXPECT_STREQ(messages[0].name, "web1");
    EXPECT_EQ(messages[0].value, 2);
    EXPECT_EQ(messages[1].type, static_cast<std::int32_t>(MessageType::kExitCode));
    EXPECT_EQ(reader.dropped(), 0U);
  }
}

TEST(MessageReader, DropsWhatCantBeAMessageAndGoesOn) {
  const std::string good = bytes_of(make_message(MessageType::kState, "c", 0));
  const auto dropped = [&](StateMessage message) {
    MessageReader reader;
    const std::string bad = bytes_of(message) + "rest";
    EXPECT_TRUE(reader.feed(bad).empty());
    EXPECT_EQ(reader.dropped(), bad.size());
    return reader.feed(good).size() == 1;
  };
  StateMessage message = make_message(MessageType::kState, "c", 8);
  EXPECT_TRUE(dropped(message)) << "no such state";
  message = make_message(static_cast<MessageType>(3), "c", 0);
  EXPECT_TRUE(dropped(message)) << "no such type";
  EXPECT_TRUE(dropped(make_message(MessageType::kState, "", 0))) << "no name";
  message = make_message(MessageType::kState, "c", 0);
  std::memset(message.name, 'x', sizeof message.name);
  EXPECT_TRUE(dropped(message)) << "a name without an end";
}

TEST(MessageReader, WhatStandsBehindANameIsNotHandedOn) {
  StateMessage message = make_message(MessageType::kState, "c", 2);
  std::memset(message.name + 2, 's', 100);
  MessageReader reader;
  const auto messages = reader.feed(bytes_of(message));
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(bytes_of(messages[0]), bytes_of(make_message(MessageType::kState, "c", 2)));
}

class AnnouncerTest : public ::testing::Test {
 protected:
  AnnouncerTest() {
    char pattern[] = "/tmp/berth-fifo-XXXXXX";
    directory = ::mkdtemp(pattern);
    fifo = directory + "/monitor-fifo";
  }
  ~AnnouncerTest() override {
    ::unlink(fifo.c_str());
    ::unlink((fifo + ".link").c_str());
    ::rmdir(directory.c_str());
  }
  int announce_code(const std::string& path) const {
    const Status told = announce(path, make_message(MessageType::kState, "c", 2));
    return told ? 0 : told.error().code();
  }
  std::string directory, fifo;
};

TEST_F(AnnouncerTest, NeverMakesNeverWaitsNeverDies) {
  EXPECT_EQ(announce_code(fifo), ENOENT);
  EXPECT_NE(::access(fifo.c_str(), F_OK), 0);
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(announce_code(fifo), ENXIO) << "nobody reads";
  const int reader = ::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  int sent = 0;
  while (announce_code(fifo) == 0) ++sent;
  EXPECT_GT(sent, 10);
  EXPECT_EQ(announce_code(fifo), EAGAIN) << "full";
  char buffer[sizeof(StateMessage)];
  EXPECT_EQ(::read(reader, buffer, sizeof buffer), static_cast<ssize_t>(sizeof buffer));
  EXPECT_EQ(std::string(buffer, sizeof buffer), bytes_of(make_message(MessageType::kState, "c", 2)));
  ::close(reader);
}

TEST_F(AnnouncerTest, WritesIntoNothingElse) {
  const int file = ::open(fifo.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  EXPECT_EQ(announce_code(fifo), EPERM) << "a plain file";
  struct stat info{};
  ::fstat(file, &info);
  EXPECT_EQ(info.st_size, 0);
  ::close(file);
  ::unlink(fifo.c_str());
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int reader = ::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ASSERT_EQ(::symlink(fifo.c_str(), (fifo + ".link").c_str()), 0);
  EXPECT_EQ(announce_code(fifo + ".link"), ELOOP);
  ::chmod(fifo.c_str(), 0622);
  EXPECT_EQ(announce_code(fifo), EPERM) << "others may write to it";
  ::close(reader);
}

}  // namespace
}  // namespace berth::runtime
