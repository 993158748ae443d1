// Runs in: host commands; encode_filter in berth-seccomp too.
#include "security/seccomp_filter.hpp"

#include <linux/filter.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/sha1.hpp"
#include "base/strings.hpp"
#include "os/command.hpp"
#include "os/rundir.hpp"
#include "security/seccomp_policy.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::security {
namespace {

constexpr std::uint32_t kMagic = 0x31667362;     // "bsf1"
constexpr std::size_t kMostInstructions = 4096;  // BPF_MAXINSNS
constexpr std::size_t kLongestPolicy = 1 << 20;
constexpr std::size_t kSumSize = 40;
constexpr std::size_t kMostKept = 64;  // filters in the run directory

struct Header {
  std::uint32_t magic, program_size, warnings_size, notifies;
};

// --- filters that were compiled before ---------------------------------------------------------------------------------------

// A file is the key, whole, a sum, and the filter: two keys of one hash are still two. The key holds all that the filter depends
// on.
class Kept {
 public:
  Kept(std::string key) : key_(std::move(key)), name_(sha1_hex(key_)) {
    const auto base = os::run_directory();
    if (!base) return;
    if (auto directory = os::ensure_private_directory(*base, "lxc/seccomp")) directory_ = std::move(*directory);
  }

  bool find(CompiledFilter& filter) const {
    if (!directory_) return false;
    const auto text = sys::read_file_at(directory_.get(), name_);
    if (!text || !text->starts_with(key_)) return false;
    const std::string_view rest = std::string_view(*text).substr(key_.size());
    const std::string_view kept = rest.substr(std::min(rest.size(), kSumSize));
    return rest.starts_with(sha1_hex(kept)) && decode_filter(kept, filter);
  }

  // It is compiled again next time when this fails; that is all that it costs.
  void keep(const CompiledFilter& filter) const {
    if (!directory_) return;
    make_room();
    const std::string encoded = encode_filter(filter);
    (void)write(key_ + sha1_hex(encoded) + encoded);
  }

 private:
  // Without a sync, which is most of what it would cost: what a crash leaves behind does not agree with its sum.
  [[nodiscard]] Status write(const std::string& text) const {
    const std::string beside = strings::cat(name_, '.', sys::current_pid());
    const Fd file = TRY(sys::open_at(directory_.get(), beside, O_WRONLY | O_CREAT | O_EXCL, 0600));
    Status done = sys::write_all(file.get(), text, beside);
    const std::string place = strings::cat("/proc/self/fd/", directory_.get(), "/");
    if (done) done = sys::rename(place + beside, place + name_);
    if (!done) (void)sys::unlink_at(directory_.get(), beside);
    return done;
  }

  void make_room() const {
    const auto entries = sys::list_directory_fd(directory_.get(), "kept seccomp filters");
    if (!entries || entries->size() < kMostKept) return;
    for (const sys::DirectoryEntry& entry : *entries) (void)sys::unlink_at(directory_.get(), entry.name);
  }

  std::string key_, name_;
  Fd directory_;
};

// The compiler is named by what changes with it, so that another version of it is asked anew.
Result<std::string> key_of(const std::string& text, const std::string& file, const std::string& compiler) {
  const struct ::stat program = TRY(sys::stat(compiler));
  return strings::cat("berth seccomp filter 1\n", program.st_dev, ' ', program.st_ino, ' ', program.st_size, ' ',
                      program.st_mtim.tv_sec, '.', program.st_mtim.tv_nsec, '\n', file, '\n', text.size(), '\n', text);
}

Result<CompiledFilter> run_compiler(const std::string& text, const std::string& file, const std::string& compiler) {
  os::Command command;
  command.program = compiler;
  command.arguments = {file};
  command.input = text;
  const os::Finished finished = TRY_CONTEXT(os::run(command), "compiling the seccomp policy");
  CompiledFilter filter;
  if (finished.succeeded() && decode_filter(finished.output, filter)) return filter;
  const std::string_view words = strings::trim(finished.error_output);
  if (words.empty()) return fail(Error::message(strings::cat(compiler, ": ", finished.outcome()), ECHILD));
  return fail(Error::message(words));
}

Status check_listener(const Policy& policy, const std::string& file) {
  if (!uses_notify(policy) || can_hand_over_listener(policy)) return {};
  return fail(Error::message(strings::cat(file, ": a policy that notifies has to allow sendmsg"))
                  .because("the container's first process hands the listener over by sendmsg, under the filter already")
                  .hint("allow sendmsg without conditions, and give it no other action"));
}

}  // namespace

std::size_t CompiledFilter::instructions() const { return program.size() / sizeof(sock_filter); }

std::string encode_filter(const CompiledFilter& filter) {
  const std::string warnings = strings::join(filter.warnings, "\n");
  const Header header{kMagic, static_cast<std::uint32_t>(filter.program.size()), static_cast<std::uint32_t>(warnings.size()),
                      filter.notifies ? 1U : 0U};
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  return out + filter.program + warnings;
}

bool decode_filter(std::string_view text, CompiledFilter& filter) {
  Header header{};
  if (text.size() < sizeof header) return false;
  std::memcpy(&header, text.data(), sizeof header);
  text.remove_prefix(sizeof header);
  const std::size_t count = header.program_size / sizeof(sock_filter);
  const bool whole = std::uint64_t{header.program_size} + header.warnings_size == text.size();
  if (header.magic != kMagic || !whole || count == 0 || count > kMostInstructions ||
      header.program_size % sizeof(sock_filter) != 0)
    return false;
  filter.program = text.substr(0, header.program_size);
  filter.notifies = header.notifies != 0;
  filter.warnings.clear();
  for (const std::string_view line : strings::split_words(text.substr(header.program_size), "\n"))
    filter.warnings.emplace_back(line);
  return true;
}

Result<CompiledFilter> compile_policy_file(const std::string& file, const std::string& compiler) {
  const std::string text = TRY_CONTEXT(sys::read_file(file), "reading the seccomp policy");
  if (text.size() > kLongestPolicy) return fail(Error::message(strings::cat(file, ": a policy of more than 1 MiB"), EFBIG));
  const Policy policy = TRY_CONTEXT(parse_policy(text, file), "the seccomp policy has an error");
  TRY(check_listener(policy, file));
  const Kept kept(TRY(key_of(text, file, compiler)));
  CompiledFilter filter;
  if (!kept.find(filter)) {
    filter = TRY(run_compiler(text, file, compiler));
    kept.keep(filter);
  }
  filter.description = describe(policy);
  filter.policy = file;
  return filter;
}

bool is_filtered() {
  const auto status = sys::read_file("/proc/self/status");
  if (!status) return false;
  for (const std::string_view line : strings::split(*status, '\n')) {
    if (line.starts_with("Seccomp:")) return strings::trim(line.substr(line.find(':') + 1)) != "0";
  }
  return false;
}

}  // namespace berth::security
