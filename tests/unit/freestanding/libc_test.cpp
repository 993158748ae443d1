// Runs in: unit tests. What programs without a C library have instead of it, compiled here under other names and compared with
// the real one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

extern "C" {
void* freestanding_memcpy(void* to, const void* from, std::size_t size);
void* freestanding_memmove(void* to, const void* from, std::size_t size);
void* freestanding_memset(void* to, int value, std::size_t size);
int freestanding_memcmp(const void* left, const void* right, std::size_t size);
void* freestanding_memchr(const void* in, int wanted, std::size_t size);
std::size_t freestanding_strlen(const char* text);
std::size_t freestanding_strnlen(const char* text, std::size_t limit);
int freestanding_strncasecmp(const char* left, const char* right, std::size_t limit);
char* freestanding_getenv(const char* name);
int freestanding_poll(pollfd* entries, nfds_t count, int milliseconds);
int freestanding_isatty(int fd);
int freestanding_uname(utsname* names);
int freestanding_sigemptyset(sigset_t* set);
int freestanding_sigaddset(sigset_t* set, int number);
unsigned long freestanding_gnu_dev_makedev(unsigned major, unsigned minor);
cmsghdr* freestanding___cmsg_nxthdr(msghdr* message, cmsghdr* current);
ssize_t freestanding_read(int fd, void* data, std::size_t size);
int* freestanding___errno_location();
int freestanding___libc_current_sigrtmin();
int freestanding___libc_current_sigrtmax();
}

namespace berth::freestanding {
namespace {

int sign(int value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>("ab\xff\x00z"[random() % 5]);
  return bytes;
}

TEST(Memory, CopiesAndFillsExactly) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string from = random_bytes(random, size);
    std::string copied(size + 2, '#'), filled(size + 2, '#');
    EXPECT_EQ(freestanding_memcpy(copied.data() + 1, from.data(), size), copied.data() + 1);
    EXPECT_EQ(copied, "#" + from + "#");
    EXPECT_EQ(freestanding_memset(filled.data() + 1, 0x1ff, size), filled.data() + 1);
    EXPECT_EQ(filled, "#" + std::string(size, '\xff') + "#");
  }
}

TEST(Memory, MovesOverItself) {
  std::mt19937 random(2);
  for (int round = 0; round < 2'000; ++round) {
    const std::size_t size = random() % 80, from = random() % 100, to = random() % 100;
    std::string ours = random_bytes(random, 180);
    std::string theirs = ours;
    freestanding_memmove(ours.data() + to, ours.data() + from, size);
    std::memmove(theirs.data() + to, theirs.data() + from, size);
    ASSERT_EQ(ours, theirs) << size << " bytes from " << from << " to " << to;
  }
}

TEST(Memory, ComparesAndFinds) {
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t size = random() % 40;
    std::string left = random_bytes(random, size), right = left;
    if (size > 0 && round % 4 != 0) right[random() % size] = static_cast<char>(random());
    EXPECT_EQ(sign(freestanding_memcmp(left.data(), right.data(), size)), sign(std::memcmp(left.data(), right.data(), size)));
    EXPECT_EQ(freestanding_memchr(left.data(), 'z', size), std::memchr(left.data(), 'z', size));
    EXPECT_EQ(freestanding_memchr(left.data(), 0xff, size), std::memchr(left.data(), 0xff, size));
    EXPECT_EQ(freestanding_strlen(left.c_str()), std::strlen(left.c_str()));
    EXPECT_EQ(freestanding_strnlen(left.c_str(), 5), ::strnlen(left.c_str(), 5));
  }
}

TEST(Text, ComparesWithoutCase) {
  const char* words[] = {"", "error", "ERROR", "eRrOr", "errors", "warn", "[", "{", "@", "`", "\xc4", "\xe4"};
  for (const char* left : words) {
    for (const char* right : words) {
      for (const std::size_t limit : {0U, 1U, 5U, 9U})
        EXPECT_EQ(sign(freestanding_strncasecmp(left, right, limit)), sign(::strncasecmp(left, right, limit)))
            << left << ' ' << right << ' ' << limit;
    }
  }
}

TEST(Process, FindsVariables) {
  ::setenv("BERTH_TEST", "value=x", 1);
  ::setenv("BERTH_TEST_EMPTY", "", 1);
  EXPECT_STREQ(freestanding_getenv("BERTH_TEST"), "value=x");
  EXPECT_STREQ(freestanding_getenv("BERTH_TEST_EMPTY"), "");
  EXPECT_EQ(freestanding_getenv("BERTH_TES"), nullptr);
  EXPECT_EQ(freestanding_getenv("BERTH_TEST_"), nullptr);
}

TEST(Process, NamesItsMachine) {
  utsname ours, theirs;
  ASSERT_EQ(freestanding_uname(&ours), 0);
  ASSERT_EQ(::uname(&theirs), 0);
  EXPECT_STREQ(ours.machine, theirs.machine);
}

TEST(Files, KnowATerminal) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_EQ(freestanding_isatty(ends[0]), 0);
  EXPECT_EQ(freestanding_isatty(-1), 0);
  EXPECT_EQ(*freestanding___errno_location(), EBADF);
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  EXPECT_EQ(freestanding_isatty(terminal), terminal >= 0 ? 1 : 0);
  ::close(terminal);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Files, PollWaitsAsLongAsAsked) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  pollfd entry{ends[0], POLLIN, 0};
  EXPECT_EQ(freestanding_poll(&entry, 1, 0), 0);
  for (const int milliseconds : {20, 1'020}) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(freestanding_poll(&entry, 1, milliseconds), 0);
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(took, std::chrono::milliseconds(milliseconds));
    EXPECT_LT(took, std::chrono::milliseconds(milliseconds + 900));
  }
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(freestanding_poll(&entry, 1, -1), 1);
  char byte = 0;
  EXPECT_EQ(freestanding_read(ends[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(freestanding_read(ends[0], &byte, 1), -1);
  EXPECT_EQ(*freestanding___errno_location(), EBADF);
}

TEST(Signals, SetsAndNumbers) {
  sigset_t ours;
  freestanding_sigemptyset(&ours);
  EXPECT_EQ(freestanding_sigaddset(&ours, SIGTERM), 0);
  EXPECT_EQ(freestanding_sigaddset(&ours, SIGRTMAX), 0);
  for (int number = 1; number <= SIGRTMAX; ++number)
    EXPECT_EQ(sigismember(&ours, number), number == SIGTERM || number == SIGRTMAX ? 1 : 0) << number;
  EXPECT_EQ(freestanding___libc_current_sigrtmin(), SIGRTMIN);
  EXPECT_EQ(freestanding___libc_current_sigrtmax(), SIGRTMAX);
}

TEST(Devices, NumbersAsTheCLibraryMakesThem) {
  for (const unsigned major : {0U, 1U, 8U, 0xfffU, 0x1000U, 0xffffffffU}) {
    for (const unsigned minor : {0U, 3U, 0xffU, 0x100U, 0xfffffU, 0xffffffffU})
      EXPECT_EQ(freestanding_gnu_dev_makedev(major, minor), gnu_dev_makedev(major, minor)) << major << ':' << minor;
  }
}

TEST(Messages, WalkTheirControlData) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* first = CMSG_FIRSTHDR(&message);
  first->cmsg_len = CMSG_LEN(sizeof(int));
  cmsghdr* second = freestanding___cmsg_nxthdr(&message, first);
  ASSERT_EQ(reinterpret_cast<char*>(second), control + CMSG_SPACE(sizeof(int)));
  second->cmsg_len = CMSG_LEN(2 * sizeof(int));
  EXPECT_EQ(freestanding___cmsg_nxthdr(&message, second), nullptr);
  second->cmsg_len = CMSG_LEN(200);  // more than there is
  EXPECT_EQ(freestanding___cmsg_nxthdr(&message, first), nullptr);
  first->cmsg_len = 0;
  EXPECT_EQ(freestanding___cmsg_nxthdr(&message, first), nullptr);
}

}  // namespace
}  // namespace berth::freestanding
