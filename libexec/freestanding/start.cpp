// Runs in: helpers without a C library, from their first instruction.
#include <elf.h>
#include <sys/mman.h>

#include <cstdint>

#include "freestanding/program.hpp"
#include "freestanding/relocate.hpp"
#include "sys/raw.hpp"

// All that the linker gives lies in this program: without this the compiler may look its address up in a table, which is no
// use before the program is relocated.
#pragma GCC visibility push(hidden)
extern "C" {
using Constructor = void (*)(int, char**, char**);
extern Constructor __init_array_start[];  // NOLINT(bugprone-reserved-identifier): the linker's name
extern Constructor __init_array_end[];    // NOLINT(bugprone-reserved-identifier): the linker's name
extern const Elf64_Ehdr __ehdr_start;     // NOLINT(bugprone-reserved-identifier): the linker's name
extern Elf64_Dyn _DYNAMIC[];              // NOLINT(bugprone-reserved-identifier): the linker's name
extern const Elf64_auxv_t* berth_auxiliary_vector;
}
#pragma GCC visibility pop

extern "C" char** environ;

namespace {

namespace raw = berth::sys::raw;

const Elf64_auxv_t* behind_environment(char** environment) {
  while (*environment != nullptr) ++environment;
  return reinterpret_cast<const Elf64_auxv_t*>(environment + 1);
}

#ifdef __PIE__
[[noreturn]] void give_up(const char* message, std::uint64_t size) {
  raw::kernel(SYS_write, 2, reinterpret_cast<long>(message), static_cast<long>(size), 0, 0, 0);
  constexpr long kNotExecuted = 126;
  for (;;) raw::kernel(SYS_exit_group, kNotExecuted, 0, 0, 0, 0, 0);
}

std::uintptr_t page_size() {
  for (const Elf64_auxv_t* entry = berth_auxiliary_vector; entry->a_type != AT_NULL; ++entry) {
    if (entry->a_type == AT_PAGESZ) return entry->a_un.a_val;
  }
  return 4096;
}

// What has been relocated is written never again. Pages that hold something else too stay writable.
void protect(std::uintptr_t base, const Elf64_Ehdr& header) {
  const std::uintptr_t page = page_size();
  const auto* segment = reinterpret_cast<const Elf64_Phdr*>(base + header.e_phoff);
  for (unsigned i = 0; i < header.e_phnum; ++i, ++segment) {
    if (segment->p_type != PT_GNU_RELRO) continue;
    const std::uintptr_t begin = (base + segment->p_vaddr + page - 1) & ~(page - 1);
    const std::uintptr_t end = (base + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
    if (begin >= end) continue;
    const long done = raw::kernel(SYS_mprotect, static_cast<long>(begin), static_cast<long>(end - begin), PROT_READ, 0, 0, 0);
    constexpr char kMessage[] = "berth: the kernel refuses to make the program's data read-only\n";
    if (done < 0) give_up(kMessage, sizeof kMessage - 1);
  }
}
#endif

// In a function of its own: nothing of it may be done before the program is relocated.
[[noreturn, gnu::noinline]] void run(long* stack) {
  const int count = static_cast<int>(stack[0]);
  auto** arguments = reinterpret_cast<char**>(stack + 1);
  environ = arguments + count + 1;
  berth_auxiliary_vector = behind_environment(environ);
#ifdef __PIE__
  protect(reinterpret_cast<std::uintptr_t>(&__ehdr_start), __ehdr_start);
#endif
  for (Constructor* construct = __init_array_start; construct != __init_array_end; ++construct) {
    (*construct)(count, arguments, environ);
  }
  const int status = berth_program(count, arguments, environ);
  for (;;) raw::call(SYS_exit_group, status);
}

}  // namespace

extern "C" {

char** environ = nullptr;
const Elf64_auxv_t* berth_auxiliary_vector = nullptr;

// The kernel leaves argc, argv, envp and the auxiliary vector on the stack (System V ABI, "process initialisation").
[[noreturn, gnu::used]] void berth_entry(long* stack) {
#ifdef __PIE__
  constexpr char kMessage[] = "berth: the program is linked in a way that it can't be started\n";
  if (!berth::freestanding::relocate(reinterpret_cast<std::uintptr_t>(&__ehdr_start), _DYNAMIC))
    give_up(kMessage, sizeof kMessage - 1);
#endif
  asm volatile("" ::: "memory");
  run(stack);
}
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call berth_entry\n  hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl berth_entry\n  brk #0\n");
#else
#error "berth: write the first instructions of a program for this architecture here"
#endif
