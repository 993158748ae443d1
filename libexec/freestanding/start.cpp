// Runs in: helpers without a C library, from their first instruction.
#include <elf.h>
#include <sys/mman.h>

#include <cstdint>

#include "program.hpp"
#include "sys/raw.hpp"

namespace {

// Given by the linker: constructors of static objects.
using Constructor = void (*)(int, char**, char**);

#ifdef __PIE__
// A program that lies where the kernel put it has addresses in its data that are yet to be made true (-z pack-relative-relocs;
// the format is that of DT_RELR in the ELF specification). Nothing that has one may be used before; all here is relative to the
// code.
void relocate(std::uintptr_t base, const Elf64_Dyn* entry) {
  const Elf64_Relr* packed = nullptr;
  std::size_t size = 0;
  for (; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_RELR) packed = reinterpret_cast<const Elf64_Relr*>(base + entry->d_un.d_ptr);
    if (entry->d_tag == DT_RELRSZ) size = entry->d_un.d_val;
    // Relocations of other kinds come from code that does not belong into such a program.
    if ((entry->d_tag == DT_RELASZ || entry->d_tag == DT_PLTRELSZ) && entry->d_un.d_val != 0) __builtin_trap();
  }
  constexpr unsigned kCovered = sizeof(Elf64_Relr) * 8 - 1;  // words that a bitmap stands for
  std::uintptr_t* next = nullptr;
  for (const Elf64_Relr* item = packed; item < packed + size / sizeof *packed; ++item) {
    if ((*item & 1) == 0) {
      next = reinterpret_cast<std::uintptr_t*>(base + *item);
      *next++ += base;
      continue;
    }
    for (unsigned bit = 0; bit < kCovered; ++bit) {
      if ((*item >> (bit + 1) & 1) != 0) next[bit] += base;
    }
    next += kCovered;
  }
}

// What has been relocated is written never again.
void protect(std::uintptr_t base, const Elf64_Ehdr& header) {
  const auto* segment = reinterpret_cast<const Elf64_Phdr*>(base + header.e_phoff);
  for (unsigned i = 0; i < header.e_phnum; ++i, ++segment) {
    if (segment->p_type != PT_GNU_RELRO) continue;
    constexpr std::uintptr_t kPage = 4096;
    const std::uintptr_t begin = (base + segment->p_vaddr) & ~(kPage - 1);
    const std::uintptr_t end = (base + segment->p_vaddr + segment->p_memsz) & ~(kPage - 1);
    berth::sys::raw::kernel(SYS_mprotect, static_cast<long>(begin), static_cast<long>(end - begin), PROT_READ, 0, 0, 0);
  }
}
#endif

}  // namespace

extern "C" {

extern Constructor __init_array_start[];  // NOLINT(bugprone-reserved-identifier): the linker's name
extern Constructor __init_array_end[];    // NOLINT(bugprone-reserved-identifier): the linker's name
#ifdef __PIE__
[[gnu::visibility("hidden")]] extern const Elf64_Ehdr __ehdr_start;  // NOLINT(bugprone-reserved-identifier): the linker's name
[[gnu::visibility("hidden")]] extern Elf64_Dyn _DYNAMIC[];           // NOLINT(bugprone-reserved-identifier): the linker's name
#endif

char** environ = nullptr;

// The kernel leaves argc, argv and envp on the stack (System V ABI, "process initialisation").
[[noreturn, gnu::used]] void berth_entry(long* stack) {
#ifdef __PIE__
  const auto base = reinterpret_cast<std::uintptr_t>(&__ehdr_start);
  relocate(base, _DYNAMIC);
  protect(base, __ehdr_start);
#endif
  const int count = static_cast<int>(stack[0]);
  auto** arguments = reinterpret_cast<char**>(stack + 1);
  environ = arguments + count + 1;
  for (Constructor* construct = __init_array_start; construct != __init_array_end; ++construct) {
    (*construct)(count, arguments, environ);
  }
  const int status = berth_program(count, arguments, environ);
  for (;;) berth::sys::raw::call(SYS_exit_group, status);
}
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call berth_entry\n  hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl berth_entry\n  brk #0\n");
#else
#error "berth: write the first instructions of a program for this architecture here"
#endif
