// Runs in: programs without a C library that use the C++ standard library's templates. What those call: operator new
// and delete, and the ends of the road. Exceptions never pass through berth's code; where the library would throw, the process
// ends with a message, as an unhandled exception would.
#include <sys/mman.h>
#include <time.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>

#include "heap.hpp"
#include "sys/raw.hpp"

namespace raw = berth::sys::raw;

namespace {

void* map_pages(std::size_t size) {
  const long address = raw::call(SYS_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return address < 0 && address > -4096 ? nullptr : reinterpret_cast<void*>(address);
}

void unmap_pages(void* block, std::size_t size) { raw::call(SYS_munmap, block, size); }

constinit berth::freestanding::Heap heap(map_pages, unmap_pages);

[[noreturn]] void die(const char* what) {
  const std::string_view parts[] = {"berth: ", what, "\n"};
  for (const std::string_view part : parts) raw::call(SYS_write, 2, part.data(), part.size());
  constexpr int kAborted = 134;
  for (;;) raw::call(SYS_exit_group, kAborted);
}

}  // namespace

void* operator new(std::size_t size) {
  void* block = heap.allocate(size);
  if (block == nullptr) die("out of memory");
  return block;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* block, std::size_t size) noexcept { heap.release(block, size); }
void operator delete[](void* block, std::size_t size) noexcept { heap.release(block, size); }
// Without its size a block can't be given back. Every delete in a program is a sized one, which the link proves: this function
// exists nowhere, and these two are dropped as unused.
extern "C" [[noreturn]] void berth_delete_without_a_size();
#ifndef NDEBUG
// Debug builds keep calls that only a constant evaluation would make.
void berth_delete_without_a_size() { die("a block was deleted without its size"); }
#endif
void operator delete(void*) noexcept { berth_delete_without_a_size(); }
void operator delete[](void*) noexcept { berth_delete_without_a_size(); }

std::chrono::steady_clock::time_point std::chrono::steady_clock::now() noexcept {
  timespec time{};
  raw::call(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
  return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

namespace std {
void __throw_length_error(const char* what) { die(what); }
void __throw_logic_error(const char* what) { die(what); }
void __throw_out_of_range(const char* what) { die(what); }
void __throw_out_of_range_fmt(const char* what, ...) { die(what); }
void __throw_bad_alloc() { die("out of memory"); }
void __throw_bad_array_new_length() { die("out of memory"); }
void __throw_bad_function_call() { die("an empty function was called"); }
void __throw_bad_optional_access() { die("an empty optional was read"); }
void terminate() noexcept { die("terminated"); }
}  // namespace std

extern "C" {
void* __dso_handle = nullptr;
// The process ends by exit_group: destructors of static objects never run.
int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
void __cxa_pure_virtual() { die("a pure virtual function was called"); }
// One thread.
int __cxa_guard_acquire(std::uint64_t* guard) { return *reinterpret_cast<const char*>(guard) == 0 ? 1 : 0; }
void __cxa_guard_release(std::uint64_t* guard) { *reinterpret_cast<char*>(guard) = 1; }
void __cxa_guard_abort(std::uint64_t*) {}
// Landing pads refer to these; nothing is ever thrown.
void* __cxa_begin_catch(void*) { die("an exception"); }
void __cxa_end_catch() { die("an exception"); }
void __cxa_rethrow() { die("an exception"); }
void __gxx_personality_v0() { die("an exception"); }
void _Unwind_Resume() { die("an exception"); }
}
