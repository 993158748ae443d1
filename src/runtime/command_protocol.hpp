// LXC's command socket: wire structures and numbers (stable over releases; monitors of older releases may be running).
// Address: abstract AF_UNIX SOCK_STREAM "LXCPATH/NAME/command", or "lxc/%016x/command" with the 64-bit FNV-1a hash of
// "LXCPATH/NAME" when that does not fit into sun_path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::runtime {

enum class Command : std::int32_t {
  kGetTtyFd = 0,
  kTerminalWinch,
  kStop,
  kGetState,
  kGetInitPid,
  kGetCloneFlags,
  kGetCgroup,
  kGetConfigItem,
  kGetName,
  kGetLxcpath,
  kAddStateClient,
  kConsoleLog,
  kServeStateClients,
  kSeccompNotifyAddListener,
  kAddBpfDeviceCgroup,
  kFreeze,
  kUnfreeze,
  kGetCgroup2Fd,
  kGetInitPidfd,
  kGetLimitCgroup,
  kGetLimitCgroup2Fd,
  kGetDevptsFd,
  kGetSeccompNotifyFd,
  kGetCgroupCtx,
  kGetCgroupFd,
  kGetLimitCgroupFd,
  kGetSystemdScope,
};

struct CommandRequest {
  std::int32_t command;
  std::int32_t data_length;
  const void* data;  // small scalar arguments travel in this field itself
};
struct CommandResponse {
  std::int32_t result;  // >= 0, or -errno
  std::int32_t data_length;
  void* data;  // small scalar results travel in this field itself
};
static_assert(sizeof(CommandRequest) == 16 && sizeof(CommandResponse) == 16);

struct ConsoleLogRequest {
  bool clear, read;
  std::uint64_t read_max;
  bool write_logfile;
};

// What kAddBpfDeviceCgroup carries: LXC's struct device_item.
struct DeviceRuleRequest {
  char type;                  // 'a' (forget what was before), 'b', 'c'
  std::int32_t major, minor;  // -1 = any
  char access[4];             // of "rwm", NUL-terminated; not looked at with 'a'
  std::int32_t allow;         // 0 = deny, 1 = allow
  char links[20];             // LXC's own bookkeeping
};
static_assert(sizeof(DeviceRuleRequest) == 40);

// LXC's numbers for the layout of a host's control groups.
enum class CgroupLayout : std::int32_t { kLegacy = 0, kHybrid = 1, kUnified = 2 };

// What kGetCgroupCtx sends and answers; the descriptors themselves travel beside it, in this order.
inline constexpr std::size_t kMostCgroups = 20;
struct CgroupContext {
  std::int32_t layout;
  std::uint32_t features;
  std::int32_t count;
  std::int32_t descriptors[kMostCgroups + 1];
};
// What kGetCgroupFd and kGetLimitCgroupFd send and answer.
struct CgroupQuestion {
  std::int32_t layout;
  std::uint32_t features;
  std::uint32_t filesystem;  // f_type of statfs
  std::int32_t descriptor;
  char controller[64];  // NUL-terminated
};
static_assert(sizeof(CgroupContext) == 96 && sizeof(CgroupQuestion) == 80);

inline constexpr std::int32_t kCommandDataMax = 8192;

enum class State : std::int32_t { kStopped, kStarting, kRunning, kStopping, kAborting, kFreezing, kFrozen, kThawed };
inline constexpr int kStates = 8;
std::string_view state_name(State state);                 // "RUNNING"
std::optional<State> parse_state(std::string_view name);  // exact, upper case

// What a subscriber of kAddStateClient receives: LXC's struct lxc_msg.
struct StateMessage {
  std::int32_t type;   // 0 = state
  char name[256];      // of the container, NUL-terminated
  std::int32_t value;  // State
};
static_assert(sizeof(StateMessage) == 264);

// The answer to kGetState is a number of 64 bits: LXC's clients read its lower half, the state; berth's monitors put init's pid
// into the upper one, which is 0 with LXC's.
inline constexpr int kInitPidShift = 32;

// Values in the array that kAddStateClient sends: told once; or, for RUNNING only, told once the container has rebooted.
inline constexpr std::int32_t kStateWanted = 1;
inline constexpr std::int32_t kStateAfterReboot = 2;

// The longest plain address; one byte more and the hashed form is used.
inline constexpr std::size_t kPlainSocketNameMax = 105;

// The hash of LXC's addresses, 16 hexadecimal digits.
std::string hashed_name(std::string_view owner);
// The abstract address without its leading NUL, hashed when too long.
std::string command_socket_name(std::string_view lxcpath, std::string_view name);

}  // namespace berth::runtime
