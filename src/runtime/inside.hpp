// Carries out steps in a running container by a process that lives for them alone: no thread of the caller leaves its namespaces.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "plan/plan.hpp"
#include "runtime/attach_target.hpp"

namespace berth::runtime {

// `steps` are carried out before (kPrepare) and after (kContainer) that process has entered the container's mount namespace, and
// its user namespace where that is not the caller's; there paths follow links that end in the container's root. `tree` is found
// in slot child::kLiveTreeSlot. Errors carry what the step was doing.
Status change_inside(const RunningInit& init, std::vector<plan::PlannedStep> steps, const Fd& tree = Fd());

// A NETLINK_ROUTE socket in the network namespace `there`, opened by such a process. `user` >= 0: entered before, which gives the
// rights to those who own that user namespace.
Result<Fd> route_socket_in(int user, int there);

}  // namespace berth::runtime
