// Runs in: helpers without a C library. What the compiler itself calls for plain copies and comparisons, and <cstring>.
#include <cstddef>
#include <cstdint>

namespace {

// A word at any address.
struct [[gnu::packed, gnu::may_alias]] Word {
  std::uint64_t value;
};
std::uint64_t load(const void* from) { return static_cast<const Word*>(from)->value; }
void store(void* to, std::uint64_t value) { static_cast<Word*>(to)->value = value; }

}  // namespace

// Compiled with -fno-builtin and -fno-tree-loop-distribute-patterns: none of these may become a call of itself.
extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, std::size_t size) {
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  if (size <= 2 * sizeof(Word)) {  // most are: the string instruction takes longer to begin
    if (size >= sizeof(Word)) {
      const std::uint64_t last = load(source + size - sizeof(Word));
      store(target, load(source));
      store(target + size - sizeof(Word), last);
    } else {
      for (std::size_t i = 0; i < size; ++i) target[i] = source[i];
    }
    return to;
  }
#if defined(__x86_64__)
  void* out = to;
  asm volatile("rep movsb" : "+D"(out), "+S"(from), "+c"(size) : : "memory");
#else
  for (std::size_t i = 0; i < size; ++i) target[i] = source[i];
#endif
  return to;
}

void* memmove(void* to, const void* from, std::size_t size) {
  auto* out = static_cast<char*>(to);
  const auto* in = static_cast<const char*>(from);
  // A word is read whole before it is written, so it may overlap its own place; those that follow are not touched by it.
  if (out <= in) {
    for (; size >= sizeof(Word); size -= sizeof(Word), out += sizeof(Word), in += sizeof(Word)) store(out, load(in));
    for (std::size_t i = 0; i < size; ++i) out[i] = in[i];
  } else {
    for (; size >= sizeof(Word); size -= sizeof(Word)) store(out + size - sizeof(Word), load(in + size - sizeof(Word)));
    while (size-- > 0) out[size] = in[size];
  }
  return to;
}

void* memset(void* to, int value, std::size_t size) {
#if defined(__x86_64__)
  void* out = to;
  asm volatile("rep stosb" : "+D"(out), "+c"(size) : "a"(value) : "memory");
#else
  auto* out = static_cast<char*>(to);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(value);
#endif
  return to;
}

int memcmp(const void* left, const void* right, std::size_t size) {
  const auto* a = static_cast<const unsigned char*>(left);
  const auto* b = static_cast<const unsigned char*>(right);
  std::size_t i = 0;
  while (size - i >= sizeof(Word) && load(a + i) == load(b + i)) i += sizeof(Word);
  for (; i < size; ++i) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

int bcmp(const void* left, const void* right, std::size_t size) { return memcmp(left, right, size); }  // Clang's word for it

void* memchr(const void* in, int wanted, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(in);
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] == static_cast<unsigned char>(wanted)) return const_cast<unsigned char*>(bytes + i);
  }
  return nullptr;
}

std::size_t strlen(const char* text) {
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  return size;
}

int strncasecmp(const char* left, const char* right, std::size_t limit) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : static_cast<unsigned char>(c); };
  for (std::size_t i = 0; i < limit; ++i) {
    const int difference = lower(left[i]) - lower(right[i]);
    if (difference != 0 || left[i] == '\0') return difference;
  }
  return 0;
}

std::size_t strnlen(const char* text, std::size_t limit) {
  std::size_t size = 0;
  while (size < limit && text[size] != '\0') ++size;
  return size;
}
}
