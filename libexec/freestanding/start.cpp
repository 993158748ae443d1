// Runs in: helpers without a C library, from their first instruction.
#include "sys/raw.hpp"

#include "program.hpp"

extern "C" {

// Given by the linker: constructors of static objects.
using Constructor = void (*)(int, char**, char**);
extern Constructor __init_array_start[];  // NOLINT(bugprone-reserved-identifier): the linker's name
extern Constructor __init_array_end[];    // NOLINT(bugprone-reserved-identifier): the linker's name

char** environ = nullptr;

// The kernel leaves argc, argv and envp on the stack (System V ABI, "process initialisation").
[[noreturn, gnu::used]] void berth_entry(long* stack) {
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
