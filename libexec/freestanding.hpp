// The entry of a helper that needs no C library: it starts in a quarter of the time and holds a tenth of the memory of a static
// program with one. Included by exactly one source of a program, which defines berth_program().
//
// Sanitizer and coverage builds need their run-time and so a C library: there the same function is called from main().
#pragma once

#include <cstddef>

#include "sys/raw.hpp"

// Returns the exit status. `environment` ends with a null pointer.
int berth_program(int argument_count, char** arguments, char** environment);

#ifdef BERTH_FREESTANDING

extern "C" {

// What the compiler itself calls for plain copies.
void* memcpy(void* __restrict to, const void* __restrict from, std::size_t size) {
  auto* out = static_cast<char*>(to);
  const auto* in = static_cast<const char*>(from);
  for (std::size_t i = 0; i < size; ++i) out[i] = in[i];
  return to;
}
void* memmove(void* to, const void* from, std::size_t size) {
  auto* out = static_cast<char*>(to);
  const auto* in = static_cast<const char*>(from);
  if (out <= in) return memcpy(to, from, size);
  while (size-- > 0) out[size] = in[size];
  return to;
}
void* memset(void* to, int value, std::size_t size) {
  auto* out = static_cast<char*>(to);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(value);
  return to;
}
std::size_t strlen(const char* text) {
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  return size;
}

// The kernel leaves argc, argv and envp on the stack (System V ABI, "process initialisation").
[[noreturn, gnu::used]] void berth_entry(long* stack) {
  const int count = static_cast<int>(stack[0]);
  auto** arguments = reinterpret_cast<char**>(stack + 1);
  const int status = berth_program(count, arguments, arguments + count + 1);
  for (;;) berth::sys::raw::call(SYS_exit_group, status);
}
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call berth_entry\n  hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl berth_entry\n  brk #0\n");
#endif

#else

int main(int count, char** arguments, char** environment) { return berth_program(count, arguments, environment); }

#endif
