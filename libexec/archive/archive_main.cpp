// Runs in: berth-archive, started by the commands that export and import containers. A program of its own and confined, because
// it reads archives that anybody may have made (docs/archive-format.md), and because of the libraries that it takes.
//
//   berth-archive pack zst|gz|xz|none THREADS LEVEL        the archive to standard output
//   berth-archive unpack BYTES SIZES DEVICES               the archive from standard input; 0 = no limit, DEVICES 1 = any
//
// Descriptor 3 is the socket by which it is told the rest (storage/archive/channel.hpp).
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <new>
#include <string>

#include "base/strings.hpp"
#include "packer.hpp"
#include "sandbox.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "unpacker.hpp"

namespace {

using namespace berth;
using namespace berth::archive;
using storage::archive::Channel;
using storage::archive::Message;
using storage::archive::Word;

constexpr int kChannel = 3;

Result<std::string> pack(Channel& channel, const Compression& compression) {
  Packer packer(channel, STDOUT_FILENO);
  TRY(packer.open(compression));
  for (;;) {
    auto message = TRY(channel.receive());
    if (!message) return fail("nobody wants the archive any more", ECANCELED);
    if (message->word == Word::kEnd) return packer.finish();
    if (message->word == Word::kStop) return fail("what was to be packed can't be had", ECANCELED);
    if (message->word == Word::kFile)
      TRY(packer.add_file(message->text, message->descriptor));
    else if (message->word == Word::kTree)
      TRY(packer.add_tree(message->text, std::move(message->descriptor)));
    else if (message->word == Word::kStream)
      TRY(packer.add_stream(message->text, message->descriptor));
    else
      return fail("the archive worker was told what it does not know");
  }
}

template <typename Number>
Result<Number> number(const char* text) {
  const auto value = strings::parse_number<Number>(text);
  if (!value) return fail(strings::cat("'", text, "' is no number"));
  return *value;
}

Status work(Channel& channel, int count, char** arguments) {
  // Dies with who started it: nobody else has an interest.
  TRY(sys::set_death_signal(SIGKILL));
  if (count != 5) return fail("usage: berth-archive pack KIND THREADS LEVEL | unpack BYTES SIZES DEVICES");
  const bool packs = std::string_view(arguments[1]) == "pack";
  if (packs) {
    const Compression compression{arguments[2], TRY(number<unsigned>(arguments[3])), TRY(number<int>(arguments[4]))};
    TRY(enter_sandbox());
    return channel.send(Word::kDone, TRY(pack(channel, compression)));
  }
  const Limits limits{TRY(number<std::uint64_t>(arguments[2])), TRY(number<std::uint64_t>(arguments[3])),
                      std::string_view(arguments[4]) == "1"};
  TRY(limit_memory());
  TRY(enter_sandbox());
  TRY(Unpacker(channel, STDIN_FILENO, limits).run());
  return {};
}

Status work_within_memory(Channel& channel, int count, char** arguments) {
  try {
    return work(channel, count, arguments);
  } catch (const std::bad_alloc&) {
    return fail(Error::message("the archive takes more memory than it may", ENOMEM)
                    .hint("no archive that berth export made does: trust nothing of it"));
  }
}

}  // namespace

int main(int count, char** arguments) {
  (void)std::setlocale(LC_CTYPE, "C.UTF-8");  // names that archives of others have in UTF-8
  (void)::signal(SIGPIPE, SIG_IGN);
  ::umask(0);
  Channel channel{Fd(kChannel)};
  const Status done = work_within_memory(channel, count, arguments);
  if (done) return 0;
  const Error& error = done.error();
  std::string text = strings::cat(error.code(), "\n", error.cause(), "\n", error.because(), "\n", error.hint());
  for (const auto& context : error.contexts()) text += strings::cat("\n", context);
  (void)channel.send(Word::kFailure, text);
  return 1;
}
