// A program that lies where the kernel put it has addresses in its data that are yet to be made true.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>

namespace berth::freestanding {

#if defined(__x86_64__)
inline constexpr std::uint32_t kRelative = R_X86_64_RELATIVE;
#elif defined(__aarch64__)
inline constexpr std::uint32_t kRelative = R_AARCH64_RELATIVE;
#endif

// Applies the relative relocations of the program at `base`, packed (DT_RELR of the ELF specification) and plain ones (DT_RELA).
// False: there is one of another kind, which comes from code that does not belong into such a program. Uses nothing but its
// arguments: what has an address in its data is not usable before.
[[gnu::always_inline]] inline bool relocate(std::uintptr_t base, const Elf64_Dyn* entry) {
  const Elf64_Relr* packed = nullptr;
  const Elf64_Rela* plain = nullptr;
  std::size_t packed_size = 0, plain_size = 0;
  for (; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_RELR) packed = reinterpret_cast<const Elf64_Relr*>(base + entry->d_un.d_ptr);
    if (entry->d_tag == DT_RELRSZ) packed_size = entry->d_un.d_val;
    if (entry->d_tag == DT_RELA) plain = reinterpret_cast<const Elf64_Rela*>(base + entry->d_un.d_ptr);
    if (entry->d_tag == DT_RELASZ) plain_size = entry->d_un.d_val;
    if (entry->d_tag == DT_PLTRELSZ && entry->d_un.d_val != 0) return false;
  }
  for (std::size_t i = 0; i < plain_size / sizeof *plain; ++i) {
    if (static_cast<std::uint32_t>(plain[i].r_info) != kRelative) return false;
    *reinterpret_cast<std::uintptr_t*>(base + plain[i].r_offset) = base + static_cast<std::uintptr_t>(plain[i].r_addend);
  }
  constexpr unsigned kCovered = sizeof(Elf64_Relr) * 8 - 1;  // words that a bitmap stands for
  std::uintptr_t* next = nullptr;
  for (std::size_t i = 0; i < packed_size / sizeof *packed; ++i) {
    const Elf64_Relr item = packed[i];
    if ((item & 1) == 0) {  // the place of a word
      next = reinterpret_cast<std::uintptr_t*>(base + item);
      *next++ += base;
      continue;
    }
    for (unsigned bit = 0; bit < kCovered; ++bit) {
      if ((item >> (bit + 1) & 1) != 0) next[bit] += base;
    }
    next += kCovered;
  }
  return true;
}

}  // namespace berth::freestanding
