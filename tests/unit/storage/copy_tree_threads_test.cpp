#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "../sys/faults.hpp"
#include "storage/tree/copy_tree.hpp"
#include "storage/tree/remove_tree.hpp"
#include "tree_text.hpp"

namespace berth::storage {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ThreadsTest : public ::testing::Test {
 protected:
  ThreadsTest() { fs::create_directory(from_); }
  ~ThreadsTest() override {
    const auto removed = remove_tree(base_.path());
    EXPECT_TRUE(removed) << (removed ? "" : removed.error().line());
  }
  static void write(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }
  Status copy(unsigned threads = 4) {
    options_.threads = threads;
    return copy_tree(from_, to_, options_);
  }
  void expect_same() { EXPECT_EQ(testing::describe(from_), testing::describe(to_)); }
  // Several directories, more entries than one thread takes, links from everywhere to everywhere, a hole, flags.
  void fill(int width) {
    for (int i = 0; i < width; ++i) {
      const std::string directory = strings::cat(from_, "/", i);
      fs::create_directories(directory + "/below/er");
      write(directory + "/file", std::string(static_cast<std::size_t>(i) * 100, 'x'));
      write(directory + "/below/er/file", "deep");
      fs::create_symlink("file", directory + "/link");
      fs::create_hard_link(from_ + "/0/file", directory + "/below/shared");
    }
    write(from_ + "/sparse", "x");
    fs::resize_file(from_ + "/sparse", 1 << 20);
    write(from_ + "/many-names", "x");
    for (int i = 0; i < width * 10; ++i) fs::create_hard_link(from_ + "/many-names", strings::cat(from_, "/name", i));
    lock(from_ + "/0/file", FS_APPEND_FL);
    lock(from_ + "/1/below", FS_IMMUTABLE_FL);
    lock(from_ + "/2", FS_NOATIME_FL | FS_NODUMP_FL);
  }
  static void lock(const std::string& path, unsigned flags) { static_cast<void>(testing::set_flags(path, flags, flags)); }

  testing::TemporaryDirectory base_;
  std::string from_ = base_ / "from", to_ = base_ / "to";
  CopyOptions options_;
};

TEST_F(ThreadsTest, AnyNumberMakesTheSameCopy) {
  fill(40);
  for (const unsigned threads : {0U, 1U, 2U, 3U, 8U}) {
    const auto outcome = copy(threads);
    ASSERT_TRUE(outcome) << outcome.error().line();
    expect_same();
    ASSERT_TRUE(remove_tree(to_));
  }
}

TEST_F(ThreadsTest, DepthAndWidthCostNoDescriptors) {
  int at = ::open(from_.c_str(), O_DIRECTORY | O_RDONLY);
  for (int depth = 0; depth < 160; ++depth) {
    for (const char* name : {"a", "down", "z"}) ASSERT_EQ(::mkdirat(at, name, 0755), 0);
    for (const char* name : {"a/file", "z/file"}) ::close(::openat(at, name, O_CREAT | O_WRONLY, 0600));
    const int next = ::openat(at, "down", O_DIRECTORY | O_RDONLY);
    ::close(at);
    at = next;
  }
  ::close(at);
  for (int i = 0; i < 200; ++i) fs::create_directories(strings::cat(from_, "/wide/", i, "/below"));
  struct ::rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct ::rlimit few{256, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto outcome = copy(8);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(outcome) << outcome.error().line();
  expect_same();
}

TEST_F(ThreadsTest, FewerAreEnoughWhereTheSystemRefusesMore) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody with a limit";
  fill(10);
  ASSERT_TRUE(remove_contents(from_, {"0", "1", "2", "name1"}));
  ::chmod(base_.path().c_str(), 0777);
  ASSERT_EQ(::system(strings::cat("chattr -R -f -i -a '", from_, "'; chown -R 65534:65534 '", from_, "'").c_str()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const struct ::rlimit none{0, 0};
    if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)
      ::_exit(2);
    if (::setrlimit(RLIMIT_NPROC, &none) != 0) ::_exit(3);
    const auto outcome = copy(8);
    if (!outcome) std::fprintf(stderr, "%s\n", outcome.error().line().c_str());
    ::_exit(outcome ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// --- ends
// --------------------------------------------------------------------------------------------------------------------------
class Impatient : public Progress {
 public:
  explicit Impatient(std::uint64_t enough) : enough_(enough) {}
  void advance(std::uint64_t bytes, std::uint64_t) override { bytes_ += bytes; }
  [[nodiscard]] bool cancelled() const override { return bytes_ >= enough_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::uint64_t enough_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

TEST_F(ThreadsTest, AWishToEndIsHeardInsideOfAFile) {
  write(from_ + "/big", std::string(64 << 20, 'b'));
  for (const bool by_kernel : {true, false}) {
    Impatient progress(1 << 20);
    options_.progress = &progress;
    testing::ScopedFault fault(by_kernel ? -2 : SYS_copy_file_range, 1, EOPNOTSUPP);
    const auto outcome = copy();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), ECANCELED);
    EXPECT_LE(progress.bytes(), 8U << 20);
    ASSERT_TRUE(remove_tree(to_));
  }
}

TEST_F(ThreadsTest, ProgressCountsBytesAndFilesOnce) {
  write(from_ + "/a", std::string(1000, 'x'));
  write(from_ + "/b", std::string(5 << 20, 'x'));
  fs::create_hard_link(from_ + "/a", from_ + "/c");
  class Counting : public Progress {
   public:
    void advance(std::uint64_t more_bytes, std::uint64_t more_files) override { bytes += more_bytes, files += more_files; }
    std::atomic<std::uint64_t> bytes = 0, files = 0;
  } counting;
  options_.progress = &counting;
  ASSERT_TRUE(copy());
  EXPECT_EQ(counting.files, 3U);
  EXPECT_EQ(counting.bytes, 1000U + (5 << 20));
}

TEST_F(ThreadsTest, TheNameShownIsInMessages) {
  fs::create_directory(from_ + "/sub");
  write(from_ + "/sub/file", "x");
  options_.shown = "the root of web1";
  testing::ScopedFault fault(SYS_pwrite64, 1, EIO);
  const auto outcome = copy();
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().line(), HasSubstr("the root of web1/sub/file"));
}

// Every call fails once, in whichever thread it is made: an Error that names a file of the copy, or a complete copy.
TEST_F(ThreadsTest, EveryCallMayFail) {
  fill(3);
  const std::size_t descriptors = testing::open_descriptors(), threads = testing::threads();
  const std::string wanted = testing::describe(from_);
  for (const int error : {EIO, ENOSPC, EINTR, ENOMEM}) {
    for (int nth = 1;; nth += error == EIO ? 1 : 4) {
      bool fired = false;
      Status outcome;
      {
        testing::ScopedFault fault(testing::ScopedFault::kAnyCall, nth, error);
        outcome = copy(3);
        fired = testing::ScopedFault::fired();
      }
      if (outcome) {
        ASSERT_EQ(testing::describe(to_), wanted) << nth << " " << error;
      } else {
        EXPECT_THAT(outcome.error().line(), AnyOf(HasSubstr(from_), HasSubstr(to_))) << nth;
      }
      ASSERT_EQ(testing::open_descriptors(), descriptors) << nth;
      ASSERT_TRUE(testing::wait_for_threads(threads)) << nth;
      ASSERT_TRUE(remove_tree(to_));
      if (!fired) break;
    }
  }
}

// Files come, go, grow and become something else meanwhile.
TEST_F(ThreadsTest, ATreeThatChangesIsCopiedOrRefused) {
  for (int i = 0; i < 20; ++i) fs::create_directories(strings::cat(from_, "/", i, "/below"));
  std::atomic<bool> ends = false;
  std::jthread changer([&] {
    for (int turn = 0; !ends; ++turn) {
      const std::string directory = strings::cat(from_, "/", turn % 20, "/below");
      std::error_code ignored;
      for (const char* name : {"/a", "/b", "/c"})
        write(directory + name, std::string(static_cast<std::size_t>(turn % 9000), 'x'));
      fs::remove(directory + "/a", ignored);
      fs::create_directory(directory + "/a", ignored);
      fs::rename(directory, directory + "-moved", ignored);
      fs::create_symlink("/etc", directory, ignored);
      fs::remove(directory, ignored);
      fs::rename(directory + "-moved", directory, ignored);
      fs::remove(directory + "/a", ignored);
    }
  });
  const std::size_t descriptors = testing::open_descriptors(), threads = testing::threads();
  for (int turn = 0; turn < 60; ++turn) {
    const auto outcome = copy(3);
    EXPECT_TRUE(outcome || outcome.error().code() == EAGAIN) << outcome.error().line();
    EXPECT_LE(testing::open_descriptors(), descriptors + 1);  // the changer's
    EXPECT_TRUE(testing::wait_for_threads(threads));
    EXPECT_TRUE(fs::is_symlink(to_ + "/0/below") || !fs::exists(to_ + "/0/below/passwd"));
    ASSERT_TRUE(remove_tree(to_));
  }
  ends = true;
  changer.join();
  EXPECT_TRUE(copy(3));
}

// A tree that changes: the number of a file that went is given to the next one.
long same_number(long number, long a, long b, long c, long d, long e, long f) {
  const long outcome = sys::raw::kernel(number, a, b, c, d, e, f);
  if (outcome != 0 || (number != SYS_fstat && number != SYS_newfstatat)) return outcome;
  struct ::stat& info = *reinterpret_cast<struct ::stat*>(number == SYS_fstat ? b : c);
  if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) info.st_ino = 42;
  return outcome;
}

TEST_F(ThreadsTest, NumberThatIsUsedAgainMakesNoLink) {
  for (const char* name : {"a", "b", "c"}) {
    fs::create_directory(strings::cat(from_, "/", name));
    write(strings::cat(from_, "/", name, "/file"), name);
    fs::create_hard_link(strings::cat(from_, "/", name, "/file"), strings::cat(from_, "/", name, "/again"));
    fs::create_symlink(name, strings::cat(from_, "/", name, "/link"));
    fs::create_hard_link(strings::cat(from_, "/", name, "/link"), strings::cat(from_, "/", name, "/link-again"));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // more than a tick of the clock that files are made by
  }
  Status outcome;
  {
    const sys::raw::ScopedDispatch numbers(same_number);
    outcome = copy();
  }
  ASSERT_TRUE(outcome) << outcome.error().line();
  expect_same();
}

// Takes a directory of the source away when the copy makes its n-th one.
struct Removal {
  static inline int left = 0;
  static inline std::string directory;
  static long dispatch(long number, long a, long b, long c, long d, long e, long f) {
    if (number == SYS_mkdirat && --left == 0) fs::remove_all(directory);
    return sys::raw::kernel(number, a, b, c, d, e, f);
  }
};

// More of them than are held open: those are found again by their names, and by "..".
TEST_F(ThreadsTest, DirectoriesThatGoMeanwhileAreLeftOut) {
  constexpr int kAbove = 3, kBelow = 70;
  for (int nth = 43; nth < kAbove * kBelow * 2; nth += 82) {
    for (int i = 0; i < kAbove * kBelow; ++i) fs::create_directories(strings::cat(from_, "/", i % kAbove, "/", i, "/deep"));
    write(from_ + "/0/file", "x");
    Removal::left = nth;
    Removal::directory = strings::cat(from_, "/", nth % kAbove);
    Status outcome;
    {
      const sys::raw::ScopedDispatch scope(Removal::dispatch);
      outcome = copy(1);
    }
    ASSERT_TRUE(outcome) << nth << ": " << outcome.error().line();
    for (int i = 0; i < kAbove; ++i) {
      const std::string name = strings::cat("/", i);
      if (from_ + name == Removal::directory) continue;
      ASSERT_EQ(testing::describe(from_ + name), testing::describe(to_ + name)) << nth;
    }
    ASSERT_TRUE(remove_tree(to_));
  }
}

TEST_F(ThreadsTest, AFileWithALeaseIsWaitedFor) {
  write(from_ + "/file", "x");
  const auto old = std::signal(SIGIO, SIG_IGN);
  Fd file = *sys::open(from_ + "/file", O_RDWR);
  if (::fcntl(file.get(), F_SETLEASE, F_WRLCK) != 0) GTEST_SKIP() << "no leases here";
  std::jthread holder([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(::fcntl(file.get(), F_SETLEASE, F_UNLCK), 0);
  });
  const auto outcome = copy();
  holder.join();
  static_cast<void>(std::signal(SIGIO, old));
  ASSERT_TRUE(outcome) << outcome.error().line();
  expect_same();
}

}  // namespace
}  // namespace berth::storage
