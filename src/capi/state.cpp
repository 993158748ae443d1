// Runs in: a program that links liblxc.
#include <cerrno>

#include "base/strings.hpp"
#include "capi/handle.hpp"

namespace berth::capi {
namespace {

using runtime::State;

bool is_defined(lxc_container* c) {
  return guarded(c, false, [](Handle& handle) -> Result<bool> { return TRY(handle.container()).defined(); });
}

// What can't be asked is not running as far as this caller can tell, as with LXC.
State state_of(Handle& handle) {
  const auto container = handle.container();
  const auto now = container ? container->state() : Result<State>(fail(container.error()));
  if (now) return *now;
  handle.note(now.error());
  return State::kStopped;
}

const char* state(lxc_container* c) {
  return guarded<const char*>(c, nullptr, [](Handle& handle) -> Result<const char*> {
    return runtime::state_name(state_of(handle)).data();  // a literal
  });
}

bool is_running(lxc_container* c) {
  return guarded(c, false, [](Handle& handle) -> Result<bool> { return state_of(handle) != State::kStopped; });
}

bool freeze(lxc_container* c) {
  return guarded(c, false, [](Handle& handle) -> Result<bool> {
    const auto container = TRY(handle.container());
    if (TRY(container.state()) == State::kFrozen) return true;
    TRY(container.freeze());
    return true;
  });
}

bool unfreeze(lxc_container* c) {
  return guarded(c, false, [](Handle& handle) -> Result<bool> {
    const auto container = TRY(handle.container());
    const State now = TRY(container.state());
    if (now != State::kFrozen && now != State::kFreezing) return true;
    TRY(container.unfreeze());
    return true;
  });
}

// Of a container that does not run there is nothing to say: no error.
pid_t init_pid(lxc_container* c) {
  return guarded<pid_t>(c, -1, [](Handle& handle) -> Result<pid_t> {
    const auto pid = TRY(handle.container()).client().init_pid();
    if (!pid && pid.error().code() == ECONNREFUSED) return -1;
    return pid;
  });
}

int init_pidfd(lxc_container* c) {
  return guarded_errno(c, -EBADF, [](Handle& handle) -> Result<int> {
    Fd fd = TRY(TRY(handle.container()).client().init_pidfd());
    return fd.release();
  });
}

Result<std::vector<State>> parse_states(std::string_view text) {
  std::vector<State> states;
  for (const std::string_view name : strings::split(text, '|')) {
    const auto one = runtime::parse_state(strings::trim(name));
    if (!one) return fail(Error::message(strings::cat("'", name, "' is no state of a container")));
    states.push_back(*one);
  }
  return states;
}

bool wait(lxc_container* c, const char* wanted, int timeout) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (wanted == nullptr) return fail("no state to wait for was given");
    return TRY(handle.container()).wait(TRY(parse_states(wanted)), timeout);
  });
}

bool stop(lxc_container* c) {
  return guarded(c, false, [](Handle& handle) -> Result<bool> {
    TRY(TRY(handle.container()).kill());
    return true;
  });
}

bool shutdown(lxc_container* c, int timeout) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> { return TRY(handle.container()).shutdown(timeout); });
}

bool reboot(lxc_container* c) {
  return guarded(c, false, [](Handle& handle) -> Result<bool> {
    const auto container = TRY(handle.container());
    if (TRY(container.state()) == State::kStopped) return fail("not running", ECONNREFUSED);
    return container.reboot(0);
  });
}

// LXC's difference to reboot(): what does not run is rebooted.
bool reboot2(lxc_container* c, int timeout) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    const auto container = TRY(handle.container());
    if (TRY(container.state()) == State::kStopped) return true;
    return container.reboot(timeout);
  });
}

bool may_control(lxc_container* c) {
  return guarded(c, false, [](Handle& handle) -> Result<bool> {
    const auto now = TRY(handle.container()).state();
    if (now) return true;
    const int code = now.error().code();
    return code != EPERM && code != EACCES;
  });
}

bool set_timeout(lxc_container* c, int timeout) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (timeout < -1 || timeout == 0) return fail(strings::cat("a time-out is -1 or at least 1 second, not ", timeout));
    const std::lock_guard lock(handle.mutex);
    handle.face.rcv_timeout = timeout == -1 ? 0 : timeout;
    return true;
  });
}

}  // namespace

void fill_state_members(lxc_container& face) {
  face.is_defined = is_defined;
  face.state = state;
  face.is_running = is_running;
  face.freeze = freeze;
  face.unfreeze = unfreeze;
  face.init_pid = init_pid;
  face.init_pidfd = init_pidfd;
  face.wait = wait;
  face.stop = stop;
  face.shutdown = shutdown;
  face.reboot = reboot;
  face.reboot2 = reboot2;
  face.may_control = may_control;
  face.set_timeout = set_timeout;
}

}  // namespace berth::capi
