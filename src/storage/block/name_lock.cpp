// Runs in: host commands.
#include "storage/block/name_lock.hpp"

#include <fcntl.h>

#include <chrono>
#include <thread>

#include "base/strings.hpp"
#include "os/rundir.hpp"
#include "sys/file.hpp"
#include "sys/raw.hpp"

namespace berth::storage::block {
namespace {

constexpr auto kWait = std::chrono::minutes(1);
constexpr auto kPause = std::chrono::milliseconds(20);
constexpr mode_t kMode = 0600;

// One file for all names, a byte of it for each (FNV-1a): nothing piles up in the run directory.
off_t place_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  return static_cast<off_t>(hash >> 2);
}

Result<Fd> lock_file() {
  const Fd directory = TRY(os::ensure_private_directory(TRY(os::run_directory()), "berth"));
  return sys::open_at(directory.get(), "storage.lock", O_RDWR | O_CREAT | O_NOFOLLOW, kMode);
}

}  // namespace

Result<Fd> lock_name(std::string_view name) {
  Fd file = TRY(lock_file());
  struct ::flock place{};
  place.l_type = F_WRLCK;
  place.l_start = place_of(name);
  place.l_len = 1;
  const long outcome = sys::raw::call(SYS_fcntl, file.get(), F_OFD_SETLK, &place);
  if (outcome >= 0) return file;
  const int code = outcome == -EAGAIN || outcome == -EACCES ? EBUSY : static_cast<int>(-outcome);
  return fail(Error::from_errno(code, "lock", name).because("another process is at work on it"));
}

Result<Fd> wait_for_name(std::string_view name) {
  const auto end = std::chrono::steady_clock::now() + kWait;
  for (;;) {
    auto lock = lock_name(name);
    if (lock || lock.error().code() != EBUSY || std::chrono::steady_clock::now() > end) return lock;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace berth::storage::block
