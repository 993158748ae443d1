// Runs in: every process on the host's side.
#include "os/namespaces.hpp"

#include <fcntl.h>
#include <sched.h>

#include "base/strings.hpp"
#include "sys/file.hpp"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace berth::os {
namespace {

constexpr auto kTable = std::to_array<Namespace>({
    Namespace{CLONE_NEWUSER, "user", "user"},
    Namespace{CLONE_NEWNS, "mnt", "mnt"},
    Namespace{CLONE_NEWPID, "pid", "pid"},
    Namespace{CLONE_NEWUTS, "uts", "uts"},
    Namespace{CLONE_NEWIPC, "ipc", "ipc"},
    Namespace{CLONE_NEWNET, "net", "net"},
    Namespace{CLONE_NEWCGROUP, "cgroup", "cgroup"},
    Namespace{CLONE_NEWTIME, "time", "time"},
});

}  // namespace

std::span<const Namespace> namespaces() { return kTable; }

const Namespace* find_namespace(std::string_view config_name) {
  for (const Namespace& row : kTable) {
    if (row.config_name == config_name) return &row;
  }
  return nullptr;
}

const Namespace* find_namespace(int flag) {
  for (const Namespace& row : kTable) {
    if (row.flag == flag) return &row;
  }
  return nullptr;
}

int all_namespace_flags() {
  int flags = 0;
  for (const Namespace& row : kTable) flags |= row.flag;
  return flags;
}

std::vector<std::string_view> namespace_names(int flags) {
  std::vector<std::string_view> names;
  for (const Namespace& row : kTable) {
    if ((flags & row.flag) != 0) names.push_back(row.config_name);
  }
  return names;
}

Result<int> parse_namespaces(std::span<const std::string_view> names) {
  int flags = 0;
  for (const std::string_view name : names) {
    const Namespace* row = find_namespace(name);
    if (row == nullptr) {
      Error error = Error::message(strings::cat("\"", name, "\" is not a namespace"));
      const std::vector<std::string_view> known = namespace_names(all_namespace_flags());
      const auto near = strings::nearest(name, known);
      return fail(std::move(error).hint(near ? strings::cat("did you mean \"", *near, "\"?")
                                             : std::string("use any of cgroup ipc mnt net pid time user uts")));
    }
    flags |= row->flag;
  }
  return flags;
}

Result<Fd> open_namespace(pid_t pid, const Namespace& which) {
  return sys::open(strings::cat("/proc/", pid, "/ns/", which.proc_name), O_RDONLY);
}

Result<bool> same_namespace(int a, int b) {
  const struct ::stat first = TRY(sys::stat_fd(a));
  const struct ::stat second = TRY(sys::stat_fd(b));
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace berth::os
