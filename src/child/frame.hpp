// What one step sees while it is carried out, and the small signal-safe helpers that steps share.
#pragma once

#include "child/interpreter.hpp"
#include "sys/raw.hpp"
#include "sys/scoped_fd.hpp"

namespace berth::child {

inline constexpr std::size_t kPathMax = 4096;

struct Frame {
  const BlobView& blob;
  const Step& step;
  Context& context;
  Failure& failure;

  [[nodiscard]] const char* text(int index) const { return blob.text(step.text[index]); }
  [[nodiscard]] bool has_text(int index) const { return step.text[index] != 0; }
  [[nodiscard]] std::int64_t num(int index) const { return step.num[index]; }
  [[nodiscard]] StringList list(int index) const { return blob.list(step.list[index]); }
  [[nodiscard]] bool flag(StepFlag flag) const { return (step.flags & flag) != 0; }
  [[nodiscard]] bool option(int index, TargetOption option) const { return (step.num[index] & option) != 0; }
  [[nodiscard]] int slot(std::int64_t index) const {
    return index >= 0 && index < std::int64_t{kSlots} ? context.slots[index] : -1;
  }
};

// --- text ----------------------------------------------------------------------------------------------------------------
std::size_t length(const char* text);
bool equal(const char* a, const char* b);

// A bounded string on the stack; truncates silently, so it is for paths that were checked by the plan and for messages.
template <std::size_t N>
class Text {
 public:
  Text& add(const char* piece) {
    while (*piece != '\0' && size_ + 1 < N) data_[size_++] = *piece++;
    data_[size_] = '\0';
    return *this;
  }
  Text& add(long number) {
    char digits[24];
    std::size_t at = sizeof digits;
    digits[--at] = '\0';
    unsigned long rest = number < 0 ? 0UL - static_cast<unsigned long>(number) : static_cast<unsigned long>(number);
    do digits[--at] = static_cast<char>('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (number < 0) digits[--at] = '-';
    return add(digits + at);
  }
  [[nodiscard]] const char* c_str() const { return data_; }

 private:
  char data_[N] = {};
  std::size_t size_ = 0;
};

// --- failures ------------------------------------------------------------------------------------------------------------
// Notes call and object in the failure; returns `error` (a negative errno) for `return refuse(...)`.
int refuse(Frame& frame, long error, const char* call, const char* object);
// 0 for success, else refuse().
inline int check(Frame& frame, long result, const char* call, const char* object) {
  return result < 0 ? refuse(frame, result, call, object) : 0;
}

// --- descriptors ---------------------------------------------------------------------------------------------------------
using sys::raw::ScopedFd;

// --- paths below the container's root (path_steps.cpp) ----------------------------------------------------------------------
// Opens `path` below the root; a symbolic link on the way is an error (ELOOP). flags as openat. Returns fd or -errno.
long open_in_root(Frame& frame, const char* path, int flags, unsigned mode = 0);
// The same for the target of a mount: O_PATH, created with its parents when `options` says so.
long open_target(Frame& frame, const char* path, std::int64_t options);
long make_directories(Frame& frame, const char* path, unsigned mode);
// "a/b/c" as the directory "a/b/" and the last component "c".
struct Split {
  char directory[kPathMax];
  char name[256];
};
// False: a part of it is too long.
bool split_last(const char* path, Split& out);
// "/proc/self/fd/N": names an O_PATH descriptor to the classic calls.
Text<40> descriptor_path(int fd);

// --- channel (channel.cpp) -------------------------------------------------------------------------------------------------
int send_message(Context& context, MessageKind kind, std::uint32_t value, const int* descriptors, unsigned count);
// Waits for the monitor. Returns 0, or -EPIPE when it is gone. A received descriptor goes to *descriptor.
int receive_message(Context& context, Message& message, int* descriptor);

// The monitor keeps a log, and that fine a one: what is only for the log is not sent otherwise.
bool keeps_debug_log(const BlobView& blob);
// `message` is complete but for its kind and step. What can't be sent is missing in the log, nothing more.
void send_note(Frame& frame, MessageKind kind, Message& message);

// --- one function a step ---------------------------------------------------------------------------------------------------
int step_await(Frame& frame);
int step_release(Frame& frame);
int step_open_slot(Frame& frame);
int step_death_signal(Frame& frame);
int step_become_root(Frame& frame);
int step_join_groups(Frame& frame);
int step_write_slots(Frame& frame);
int step_unshare(Frame& frame);
int step_time_offsets(Frame& frame);
int step_enter_namespace(Frame& frame);
int step_propagation(Frame& frame);
int step_hook(Frame& frame);
int step_attach_root(Frame& frame);
int step_hostname(Frame& frame);
int step_session_keyring(Frame& frame);
int step_raise_loopback(Frame& frame);
int step_make_directory(Frame& frame);
int step_make_node(Frame& frame);
int step_make_symlink(Frame& frame);
int step_replace_file(Frame& frame);
int step_mount_filesystem(Frame& frame);
int step_bind(Frame& frame);
int step_devpts(Frame& frame);
int step_console_pty(Frame& frame);
int step_tty_ptys(Frame& frame);
int step_pivot_root(Frame& frame);
int step_boot_id(Frame& frame);
int step_personality(Frame& frame);
int step_write_file(Frame& frame);
int step_capabilities(Frame& frame);
int step_no_new_privileges(Frame& frame);
int step_working_directory(Frame& frame);
int step_set_ids(Frame& frame);
int step_session(Frame& frame);
int step_exec(Frame& frame);
int step_core_scheduling(Frame& frame);
int step_seccomp_filter(Frame& frame);

// Mounts the file or directory behind `source_fd` on `target_fd`, with the MS_* in `flags` set (descriptor calls only: the
// classic ones would need the path again, so there the flags are left out).
int bind_descriptor(Frame& frame, int source_fd, int target_fd, const char* shown, unsigned long flags = 0);

}  // namespace berth::child
