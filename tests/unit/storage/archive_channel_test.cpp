#include "storage/archive/channel.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>

#include "sys/socket.hpp"

namespace berth::storage::archive {
namespace {

TEST(ArchiveChannel, TheLastWordsOfAWorkerThatDidNotReadAllAreHeard) {
  auto pair = sys::socket_pair(SOCK_SEQPACKET);
  ASSERT_TRUE(pair);
  Channel command(std::move(pair->first));
  std::optional<Channel> worker(Channel(std::move(pair->second)));
  ASSERT_TRUE(command.send(Word::kEnd, ""));  // which the worker never reads
  ASSERT_TRUE(worker->send(Word::kFailure, "28\nno room"));
  worker.reset();
  const auto last = command.receive();
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->word, Word::kFailure);
  EXPECT_EQ((*last)->text, "28\nno room");
  const auto end = command.receive();
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->has_value());
}

TEST(ArchiveChannel, AWorkerThatIsGoneIsAnEnd) {
  auto pair = sys::socket_pair(SOCK_SEQPACKET);
  ASSERT_TRUE(pair);
  Channel command(std::move(pair->first));
  pair->second.reset();
  const auto end = command.receive();
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->has_value());
}

}  // namespace
}  // namespace berth::storage::archive
