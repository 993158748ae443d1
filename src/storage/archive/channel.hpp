// What a command and its archive worker (libexec/berth-archive) tell each other: messages over a socket, some with a descriptor.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::storage::archive {

enum class Word : char {
  // To the worker that packs.
  kFile = 'F',    // a regular file: its member's name, and the file
  kTree = 'T',    // a directory tree: its members' prefix, and the directory
  kStream = 'S',  // bytes of unknown number: prefix of the members that they are cut into, and a descriptor to read
  kEnd = 'E',     // nothing more
  kStop = 'Q',    // what was to be packed can't be had: there shall be no archive
  // To the worker that unpacks.
  kPlace = 'G',  // answer to kNeed: the directory, or the descriptor to write a stream to
  // From the worker.
  kManifest = 'M',  // the text of the first member
  kNeed = 'N',      // members of this prefix come: where do they go?
  kProgress = 'P',  // "BYTES FILES" more
  kFailure = 'X',   // "ERRNO TEXT"; the last message
  kDone = 'D',      // the archive's SHA-256 in hexadecimal; the last message
};

struct Message {
  Word word{};
  std::string text{};
  Fd descriptor{};
};

inline constexpr std::size_t kLongestMessage = 64 << 10;  // bytes

class Channel {
 public:
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}

  Status send(Word word, std::string_view text, int descriptor = -1);
  // False: the other side reads too slowly, nothing was sent.
  Result<bool> send_if_room(Word word, std::string_view text);
  // Nothing: the other side has gone.
  Result<std::optional<Message>> receive();
  // Something can be received within the time; -1 = any time.
  Result<bool> wait(std::chrono::milliseconds time);

 private:
  Fd socket_;
};

}  // namespace berth::storage::archive
