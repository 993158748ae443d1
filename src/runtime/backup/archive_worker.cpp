// Runs in: the commands that export and import containers.
#include "runtime/backup/archive_worker.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.hpp"
#include "os/command.hpp"
#include "runtime/programs.hpp"
#include "sys/features.hpp"
#include "sys/mount.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace berth::runtime {
namespace {

using storage::archive::Message;
using storage::archive::Word;

constexpr int kChannel = 3;

// "ERRNO\nCAUSE\nBECAUSE\nHINT\nCONTEXT..."
Error error_of(std::string_view text) {
  const auto lines = strings::split(text, '\n');
  const auto line = [&](std::size_t i) { return i < lines.size() ? std::string(lines[i]) : std::string(); };
  auto error = Error::message(line(1), strings::parse_number<int>(line(0)).value_or(EIO));
  if (!line(2).empty()) error = std::move(error).because(line(2));
  if (!line(3).empty()) error = std::move(error).hint(line(3));
  for (std::size_t i = 4; i < lines.size(); ++i)
    if (!lines[i].empty()) error = std::move(error).context(lines[i]);
  return error;
}

void pass_on(std::string_view text, storage::Progress& progress) {
  const auto words = strings::split_words(text);
  if (words.size() != 2) return;
  progress.advance(strings::parse_number<std::uint64_t>(words[0]).value_or(0),
                   strings::parse_number<std::uint64_t>(words[1]).value_or(0));
}

}  // namespace

// No mounts of the host come to it or go from it any more: it would keep file systems busy that it does not even show.
Result<Fd> confined(Fd directory, storage::Access access) {
  if (!sys::has(sys::Feature::kNewMountApi) || !sys::has(sys::Feature::kMountSetattr)) return directory;
  auto mount = sys::open_tree(directory.get(), "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
  if (!mount) return directory;
  const std::uint64_t attributes =
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (access == storage::Access::kRead ? MOUNT_ATTR_RDONLY : 0);
  if (!sys::set_mount_attributes(mount->get(), true, attributes, 0, MS_PRIVATE)) return directory;
  return mount;
}

Result<ArchiveWorker> ArchiveWorker::start(std::vector<std::string> arguments, int input, int output) {
  auto [ours, theirs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
  sys::Spawn spawn;
  spawn.program_path = TRY(find_helper("berth-archive"));
  spawn.arguments = std::move(arguments);
  spawn.arguments.insert(spawn.arguments.begin(), spawn.program_path);
  spawn.descriptors = {{input, STDIN_FILENO}, {output, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}, {theirs.get(), kChannel}};
  spawn.new_session = true;  // Ctrl-C is the command's matter
  auto process = TRY_CONTEXT(sys::spawn(std::move(spawn)), "cannot start the archive worker");
  return ArchiveWorker(std::move(process.pidfd), std::move(ours));
}

ArchiveWorker::~ArchiveWorker() { end(); }

void ArchiveWorker::end() {
  const Fd process = std::move(process_);
  if (!process) return;
  (void)sys::send_signal(process.get(), SIGKILL);
  (void)sys::wait_pidfd(process.get());
}

Status ArchiveWorker::send(Word word, std::string_view text, int descriptor) {
  auto sent = channel_.send(word, text, descriptor);
  // Its own words are still to be read.
  if (!sent && (sent.error().code() == EPIPE || sent.error().code() == ECONNRESET)) return {};
  return sent;
}

Result<Message> ArchiveWorker::next(storage::Progress& progress) {
  constexpr std::chrono::milliseconds kPatience{100};
  for (;;) {
    if (progress.cancelled()) return fail("the work was cancelled", ECANCELED);
    if (!TRY(channel_.wait(kPatience))) continue;
    auto message = TRY(channel_.receive());
    if (!message) {
      const int status = TRY(sys::wait_pidfd(Fd(std::move(process_)).get()));
      return fail(
          Error::message(strings::cat("the archive worker ended before its work: ", os::describe_wait_status(status)), EIO));
    }
    if (message->word == Word::kFailure) return fail(error_of(message->text));
    if (message->word != Word::kProgress) return std::move(*message);
    pass_on(message->text, progress);
  }
}

Status ArchiveWorker::finish() {
  const Fd process = std::move(process_);
  const int status = TRY(sys::wait_pidfd(process.get()));
  if (status == 0) return {};
  return fail(Error::message(strings::cat("the archive worker failed in the end: ", os::describe_wait_status(status)), EIO));
}

}  // namespace berth::runtime
