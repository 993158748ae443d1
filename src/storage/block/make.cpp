// Runs in: host commands.
#include "storage/block/make.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "storage/attachment.hpp"
#include "storage/block/probe.hpp"
#include "storage/block/size_text.hpp"
#include "storage/block/tool.hpp"

namespace berth::storage::block {
namespace {

struct Maker {
  std::string_view type;
  std::string_view package;
  std::string_view options;  // words: say nothing, ask nothing
  std::uint64_t least = 0;   // MiB, where the program refuses what mount(2) would take: xfs(5), mkfs.btrfs(8)
};

// metadata_csum_seed lets the UUID of a copy be changed without rewriting all metadata (tune2fs(8)).
constexpr auto kMakers = std::to_array<Maker>({
    {"ext2", "e2fsprogs", "-q -F"},
    {"ext3", "e2fsprogs", "-q -F"},
    {"ext4", "e2fsprogs", "-q -F -O metadata_csum_seed"},
    {"xfs", "xfsprogs", "-q -f", 300},
    {"btrfs", "btrfs-progs", "-q -f", 109},
    {"f2fs", "f2fs-tools", "-q -f"},
    {"nilfs2", "nilfs-tools", "-q -f"},
    {"jfs", "jfsutils", "-q"},
    {"bcachefs", "bcachefs-tools", "-q -f"},
});

const Maker* maker_of(std::string_view type) {
  const auto found = std::ranges::find(kMakers, type, &Maker::type);
  return found == kMakers.end() ? nullptr : found;
}

bool is_word(std::string_view type) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
  return !type.empty() && type.front() != '-' && type.front() != '.' &&
         type.find_first_not_of(kLetters) == std::string_view::npos;
}

// What a program said before it began to explain itself: mkfs.xfs adds all its options.
std::string first_lines(std::string_view output) {
  constexpr std::size_t kMost = 4;
  std::string text;
  std::size_t count = 0;
  for (const std::string_view line : strings::split(output, '\n')) {
    if (line.starts_with("Usage:") || line.starts_with("usage:") || count == kMost) break;
    if (strings::trim(line).empty()) continue;
    text += strings::cat(count++ == 0 ? "" : "\n", line);
  }
  return text.empty() ? std::string(output) : text;
}

std::string_view type_or_default(std::string_view type) { return type.empty() ? kDefaultType : type; }

// The kernel replays the journal when the file system is mounted for writing; "nouuid" lets XFS mount beside its original.
Status replay_journal(const std::string& type, const std::string& device) {
  Attachment attachment;
  attachment.mount.fstype = type;
  attachment.mount.device = device;
  if (type == "xfs") attachment.mount.options.emplace_back("nouuid", "");
  View view = TRY(View::open(std::move(attachment), Access::kWrite));
  return view.close();
}

Status renew_ext4(const std::string& device) {
  TRY(check_ext4(device, false));
  const Tool tool{.program = "tune2fs", .arguments = {"-U", "random", device}, .package = "e2fsprogs", .timeout = kLong};
  if (run_checked(tool)) return {};
  TRY(check_ext4(device, true));  // what an older mke2fs made wants that first
  TRY(run_checked(tool));
  return {};
}

Status renew(const std::string& type, const std::string& device) {
  if (type == "ext4") return renew_ext4(device);
  if (type == "xfs") {
    TRY(replay_journal(type, device));
    TRY(run_checked({.program = "xfs_admin", .arguments = {"-U", "generate", device}, .package = "xfsprogs", .timeout = kLong}));
  }
  if (type == "btrfs")
    TRY(run_checked({.program = "btrfstune", .arguments = {"-f", "-m", device}, .package = "btrfs-progs", .timeout = kLong}));
  return {};
}

}  // namespace

Status check_type(const std::string& type) {
  const std::string_view wanted = type_or_default(type);
  if (!is_word(wanted))
    return fail(Error::message(strings::cat("'", strings::printable(wanted), "' is no type of file system"))
                    .hint("for example --fstype ext4"));
  const std::string program = strings::cat("mkfs.", wanted);
  if (is_installed(program)) return {};
  const Maker* maker = maker_of(wanted);
  return fail(Error::message(strings::cat("cannot make a file system of type ", wanted), ENOENT)
                  .because(strings::cat("there is no program ", program))
                  .hint(maker == nullptr ? strings::cat("install the package that has ", program, ", or choose another --fstype")
                                         : strings::cat("apt install ", maker->package)));
}

Status check_type_of_copy(const std::string& type) {
  if (maker_of(type) != nullptr) return check_type(type);
  return fail(Error::message(strings::cat("cannot make a file system of the source's type, ", type), EOPNOTSUPP)
                  .because("it is none that is made empty and filled then")
                  .hint("name another type for the copy: --fstype ext4"));
}

Status make_file_system(const std::string& type, const std::string& path) {
  TRY(check_type(type));
  const std::string_view wanted = type_or_default(type);
  const Maker* maker = maker_of(wanted);
  Tool tool{.program = strings::cat("mkfs.", wanted), .timeout = kLong};
  if (maker != nullptr) {
    tool.package = maker->package;
    for (const std::string_view option : strings::split_words(maker->options)) tool.arguments.emplace_back(option);
  }
  tool.arguments.push_back(path);
  auto made = run_checked(tool);
  if (made) return {};
  Error error = std::move(made.error()).context(strings::cat("cannot make a file system of type ", wanted, " on ", path));
  error = std::move(error).output(first_lines(error.output()));
  const std::uint64_t least = maker == nullptr ? 0 : maker->least << 20;
  if (least != 0 && size_of(path).value_or(least) < least)
    error =
        std::move(error).hint(strings::cat("choose a larger size (--fssize): ", wanted, " needs at least ", size_text(least)));
  constexpr std::uint64_t kSmall = 16 << 20;
  if (least == 0 && size_of(path).value_or(kSmall) < kSmall)
    error = std::move(error).hint("choose a larger size (--fssize), 64M for example");
  return fail(std::move(error));
}

Status renew_identity(const std::string& type, const std::string& device) {
  return with_context(renew(type, device), strings::cat("cannot give the ", type, " on ", device, " a UUID of its own"));
}

Status check_ext4(const std::string& device, bool thorough) {
  Tool tool{.program = "e2fsck", .arguments = {"-p"}, .package = "e2fsprogs", .timeout = kLong};
  if (thorough) tool.arguments.emplace_back("-f");
  tool.arguments.push_back(device);
  const os::Finished finished = TRY(run(tool));
  constexpr int kRepaired = 1;  // exit status of e2fsck(8): errors were there, and none is left
  if (!finished.timed_out && WIFEXITED(finished.status) && WEXITSTATUS(finished.status) <= kRepaired) return {};
  return fail(Error::message(strings::cat("the file system on ", device, " is damaged or in use"), EIO)
                  .because(strings::cat("e2fsck: ", finished.outcome()))
                  .hint(strings::cat("e2fsck -f ", device, " asks what it may repair"))
                  .output(finished.output.empty() ? finished.error_output : finished.output));
}

}  // namespace berth::storage::block
