// Runs in: the container's first process, between clone and exec (no libc, no heap).
#include "child/frame.hpp"

namespace berth::child {

std::size_t length(const char* text) {
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  return size;
}

bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

namespace {

template <std::size_t N>
void copy(char (&to)[N], const char* from) {
  std::size_t i = 0;
  for (; from[i] != '\0' && i + 1 < N; ++i) to[i] = from[i];
  to[i] = '\0';
}

}  // namespace

int refuse(Frame& frame, long error, const char* call, const char* object) {
  copy(frame.failure.call, call);
  copy(frame.failure.object, object);
  frame.failure.error = static_cast<int>(-error);
  return static_cast<int>(error);
}

}  // namespace berth::child
