// Runs in: a program that links libberth.
#include "runtime/live.hpp"

#include "api/container_impl.hpp"
#include "runtime/console_session.hpp"

namespace berth::api {
inline namespace v0 {

using Texts = std::vector<std::string>;

Result<Texts> Container::interfaces() const {
  return with(impl_, [](const auto& c) -> berth::Result<Texts> { return runtime::list_interfaces(c); });
}

Result<Texts> Container::addresses(const AddressFilter& filter) const {
  return with(impl_, [&](const auto& c) -> berth::Result<Texts> {
    return runtime::list_addresses(c, filter.interface, filter.family, filter.scope);
  });
}

Status Container::attach_interface(const std::string& interface, const std::string& inside) const {
  return with(impl_, [&](const auto& c) -> berth::Status { return runtime::attach_interface(c, interface, inside); });
}

Status Container::detach_interface(const std::string& inside, const std::string& outside) const {
  return with(impl_, [&](const auto& c) -> berth::Status { return runtime::detach_interface(c, inside, outside); });
}

Status Container::mount(const Mount& mount) const {
  return with(impl_, [&](const auto& c) -> berth::Status {
    return runtime::inject_mount(c, {mount.source, mount.target, mount.type, mount.flags, mount.data});
  });
}

Status Container::unmount(const std::string& target, unsigned long flags) const {
  return with(impl_, [&](const auto& c) -> berth::Status { return runtime::remove_mount(c, target, flags); });
}

Status Container::add_device(const std::string& source, const std::string& target) const {
  return with(impl_, [&](const auto& c) -> berth::Status { return runtime::add_device_node(c, source, target); });
}

Status Container::remove_device(const std::string& source, const std::string& target) const {
  return with(impl_, [&](const auto& c) -> berth::Status { return runtime::remove_device_node(c, source, target); });
}

Result<std::string> Container::cgroup_item(const std::string& file) const {
  return with(impl_, [&](const auto& c) -> berth::Result<std::string> { return runtime::read_cgroup_item(c, file); });
}

Status Container::set_cgroup_item(const std::string& file, const std::string& value) const {
  return with(impl_, [&](const auto& c) -> berth::Status { return runtime::write_cgroup_item(c, file, value); });
}

// --- terminals and other descriptors ---------------------------------------------------------------------------------------

Result<Terminal> Container::terminal(int number) const {
  return with(impl_, [&](const auto& c) -> berth::Result<Terminal> {
    auto tty = TRY(c.client().tty(number));
    return Terminal{tty.number, handed_over(std::move(tty.master)), handed_over(std::move(tty.lease))};
  });
}

Status Container::join_terminal(const JoinOptions& options) const {
  return with(impl_, [&](const auto& c) -> berth::Status {
    const char escape = runtime::control_character(options.escape);
    if (escape == '\0') return berth::fail(berth::Error::message("the escape is no letter").hint("'a' stands for Ctrl+a"));
    const auto tty = TRY(c.client().tty(options.number));
    return runtime::run_console(tty.master.get(), escape, {options.stdin_fd, options.stdout_fd, options.stderr_fd});
  });
}

Result<std::string> Container::console_log(bool clear) const {
  return with(impl_, [&](const auto& c) -> berth::Result<std::string> { return c.client().console_log(true, clear, false, 0); });
}

Result<Descriptor> Container::devpts() const {
  return with(impl_, [](const auto& c) -> berth::Result<Descriptor> { return handed_over(TRY(c.client().devpts())); });
}

Result<Descriptor> Container::seccomp_notify() const {
  return with(impl_, [](const auto& c) -> berth::Result<Descriptor> { return handed_over(TRY(c.client().seccomp_notify_fd())); });
}

}  // namespace v0
}  // namespace berth::api
