// Runs in: the commands that pack and unpack, and their worker.
#include "storage/archive/channel.hpp"

#include <array>
#include <cerrno>
#include <span>
#include <vector>

#include "sys/socket.hpp"

namespace berth::storage::archive {
namespace {

std::string joined(Word word, std::string_view text) {
  std::string data(1, static_cast<char>(word));
  return data.append(text);
}

}  // namespace

Status Channel::send(Word word, std::string_view text, int descriptor) {
  const std::string data = joined(word, text);
  if (data.size() > kLongestMessage) return fail("a message to the archive worker is too long", EMSGSIZE);
  const std::array<int, 1> descriptors{descriptor};
  return sys::send(socket_.get(), std::as_bytes(std::span(data)), std::span(descriptors).first(descriptor < 0 ? 0 : 1));
}

Result<bool> Channel::send_if_room(Word word, std::string_view text) {
  const std::string data = joined(word, text);
  auto sent = sys::send(socket_.get(), std::as_bytes(std::span(data)), {}, false, MSG_DONTWAIT);
  if (sent) return true;
  if (sent.error().code() == EAGAIN) return false;
  return fail(std::move(sent.error()));
}

Result<std::optional<Message>> Channel::receive() {
  std::vector<std::byte> buffer(kLongestMessage);
  auto received = sys::receive(socket_.get(), buffer);
  // An end that goes with words unread resets the connection. That is told first, and once; what it said itself comes after.
  if (!received && received.error().code() == ECONNRESET) received = sys::receive(socket_.get(), buffer);
  if (!received && received.error().code() == ECONNRESET) return std::nullopt;
  if (!received) return fail(std::move(received.error()));
  if (received->bytes == 0) return std::nullopt;
  Message message;
  const char* text = reinterpret_cast<const char*>(buffer.data());
  message.word = static_cast<Word>(text[0]);
  message.text.assign(text + 1, received->bytes - 1);
  if (!received->descriptors.empty()) message.descriptor = std::move(received->descriptors.front());
  return message;
}

Result<bool> Channel::wait(std::chrono::milliseconds time) {
  std::array<pollfd, 1> entries{{{socket_.get(), POLLIN, 0}}};
  return TRY(sys::poll(entries, static_cast<int>(time.count()))) > 0;
}

}  // namespace berth::storage::archive
