// The root file system of a container that is about to start: found, and where it is no directory, connected.
#pragma once

#include <optional>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "config/conf.hpp"
#include "plan/start_plan.hpp"
#include "runtime/container.hpp"

namespace berth::runtime {

struct AttachedRoot {
  std::optional<plan::RootMount> mount{};  // nothing: lxc.rootfs.path is a directory, or absent
  Fd device{};                             // held until the monitor holds RootMount::hold

  AttachedRoot() = default;
  AttachedRoot(AttachedRoot&&) = default;
  AttachedRoot& operator=(AttachedRoot&&) = delete;
  AttachedRoot(const AttachedRoot&) = delete;
  AttachedRoot& operator=(const AttachedRoot&) = delete;
  // Runs the releases unless they were handed over.
  ~AttachedRoot();
  // They are steps of a plan now, which is being carried out.
  void hand_over() { ours_ = false; }

 private:
  bool ours_ = true;
};

// The root of `conf` needs no storage back end: it is a directory, says so, or is absent. Two looks at the most.
bool is_plain_root(const config::RootfsConf& rootfs);

// A plain root costs is_plain_root. Of another one the device is connected, and the directory LXCPATH/NAME/rootfs made where it
// is to be the mount point. (berth-quick has another definition, which lets berth start such containers.)
Result<AttachedRoot> attach_root(const Container& container, const config::Conf& conf);
// The same for a plan that is only shown: nothing is connected.
Result<AttachedRoot> describe_root(const config::Conf& conf);

}  // namespace berth::runtime
