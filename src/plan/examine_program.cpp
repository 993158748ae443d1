// Runs in: the starting command, after a failure.
// Looks at a program that the kernel refused to execute. The tree is the guest's: it is read through openat2 only.
#include <elf.h>
#include <errno.h>
#include <sys/utsname.h>

#include <array>
#include <cstring>

#include "base/strings.hpp"
#include "plan/explanations.hpp"
#include "sys/file.hpp"

namespace berth::plan {
namespace {

constexpr std::size_t kHead = 4096;
constexpr std::string_view kInitHint = "install an init in the root file system, or name another one with lxc.init.cmd";

struct MachineName {
  std::uint16_t machine;
  std::string_view name;
};

constexpr auto kMachines = std::to_array<MachineName>({
    MachineName{EM_X86_64, "x86_64"},
    MachineName{EM_386, "i386"},
    MachineName{EM_AARCH64, "aarch64"},
    MachineName{EM_ARM, "arm"},
    MachineName{EM_RISCV, "riscv"},
    MachineName{EM_PPC64, "ppc64"},
    MachineName{EM_S390, "s390"},
    MachineName{EM_MIPS, "mips"},
});

std::string machine_name(std::uint16_t machine) {
  for (const MachineName& row : kMachines) {
    if (row.machine == machine) return std::string(row.name);
  }
  return strings::cat("machine ", machine);
}

std::string host_machine() {
  utsname names{};
  return ::uname(&names) == 0 ? names.machine : "another machine";
}

Result<Fd> open_below(const std::string& root, const std::string& path) {
  const Fd top = TRY(sys::open(root.empty() ? "/" : root, O_PATH | O_DIRECTORY));
  return sys::open_at2(top.get(), path, O_RDONLY | O_NONBLOCK, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

std::string read_head(int fd) {
  std::string head(kHead, '\0');
  const ssize_t got = ::pread(fd, head.data(), head.size(), 0);
  head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return head;
}

std::string script_interpreter(const std::string& head) {
  const std::string_view line = std::string_view(head).substr(2, head.find('\n') - 2);
  const auto words = strings::split_words(line);
  return words.empty() ? std::string{} : std::string(words.front());
}

// The PT_INTERP string of a 64-bit program, when it lies in the part that was read.
std::string elf_loader(const std::string& head) {
  Elf64_Ehdr header;
  if (head.size() < sizeof header || head[EI_CLASS] != ELFCLASS64) return {};
  std::memcpy(&header, head.data(), sizeof header);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const std::uint64_t at = header.e_phoff + std::uint64_t{i} * sizeof segment;
    if (at > head.size() - sizeof segment) return {};
    std::memcpy(&segment, head.data() + at, sizeof segment);
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_offset >= head.size() || segment.p_filesz > head.size() - segment.p_offset || segment.p_filesz == 0) return {};
    return head.substr(segment.p_offset, segment.p_filesz - 1);
  }
  return {};
}

bool is_elf(const std::string& head) { return head.size() >= sizeof(Elf64_Ehdr) && head.starts_with("\177ELF"); }

Explanation missing_interpreter(const std::string& root, const std::string& head) {
  const std::string interpreter = head.starts_with("#!") ? script_interpreter(head)
                                  : is_elf(head)         ? elf_loader(head)
                                                         : std::string{};
  if (interpreter.empty() || open_below(root, interpreter)) return {};
  return {strings::cat("its interpreter ", interpreter, " is not in the root file system"),
          "install the interpreter, or mount the directory that holds it"};
}

Explanation wrong_format(const std::string& head) {
  if (!is_elf(head)) return {"it is neither a program nor a script with a #! line", "name a program with lxc.init.cmd"};
  std::uint16_t machine;
  std::memcpy(&machine, head.data() + offsetof(Elf64_Ehdr, e_machine), sizeof machine);
  return {strings::cat("it is built for ", machine_name(machine), ", this host is ", host_machine()),
          "use a root file system of the host's architecture, or install qemu-user-static on the host"};
}

}  // namespace

Explanation examine_program(const std::string& root, const std::string& path, int code) {
  const auto program = open_below(root, path);
  if (!program) {
    if (program.error().code() == ENOENT) return {strings::cat("the root file system has no ", path), std::string(kInitHint)};
    return {};
  }
  const auto about = sys::stat_fd(program->get());
  if (!about) return {};
  if (S_ISDIR(about->st_mode)) return {"it is a directory", std::string(kInitHint)};
  const std::string head = read_head(program->get());
  if (code == ENOENT) return missing_interpreter(root, head);
  if (code == ENOEXEC) return wrong_format(head);
  if (code == EACCES && (about->st_mode & 0111) == 0) return {"it is not executable", strings::cat("chmod +x ", root, path)};
  if (code == EACCES)
    return {"the root file system is mounted noexec, or the container's root may not read it",
            "remove noexec from lxc.rootfs.options, and check the owners"};
  return {};
}

}  // namespace berth::plan
