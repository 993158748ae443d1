// Runs in: a program that links liblxc.
#include <cerrno>
#include <new>

#include "base/strings.hpp"
#include "capi/handle.hpp"
#include "runtime/live.hpp"

namespace berth::capi {
namespace {

// NULL-terminated, all of it from malloc.
char** copy_list(const std::vector<std::string>& list) {
  auto** result = static_cast<char**>(std::calloc(list.size() + 1, sizeof(char*)));
  if (result == nullptr) throw std::bad_alloc();
  for (std::size_t i = 0; i < list.size(); ++i) result[i] = copy_text(list[i]);
  return result;
}

// An empty list is NULL, as with LXC.
char** give_list(const std::vector<std::string>& list) { return list.empty() ? nullptr : copy_list(list); }

char** get_interfaces(lxc_container* c) {
  return guarded<char**>(c, nullptr, [](Handle& handle) -> Result<char**> {
    return give_list(TRY(runtime::list_interfaces(TRY(handle.container()))));
  });
}

char** get_ips(lxc_container* c, const char* interface, const char* family, int scope) {
  return guarded<char**>(c, nullptr, [&](Handle& handle) -> Result<char**> {
    return give_list(TRY(runtime::list_addresses(TRY(handle.container()), text_of(interface), text_of(family), scope)));
  });
}

int get_cgroup_item(lxc_container* c, const char* subsys, char* buffer, int size) {
  return guarded(c, -1, [&](Handle& handle) -> Result<int> {
    if (subsys == nullptr) return fail("no file of the control group was named");
    return give_text(TRY(runtime::read_cgroup_item(TRY(handle.container()), subsys)), buffer, size);
  });
}

bool set_cgroup_item(lxc_container* c, const char* subsys, const char* value) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (subsys == nullptr || value == nullptr) return fail("a file of the control group and its value must be given");
    TRY(runtime::write_cgroup_item(TRY(handle.container()), subsys, value));
    return true;
  });
}

bool add_device_node(lxc_container* c, const char* source, const char* target) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (source == nullptr) return fail("no device was named");
    TRY(runtime::add_device_node(TRY(handle.container()), source, text_of(target)));
    return true;
  });
}

bool remove_device_node(lxc_container* c, const char* source, const char* target) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (source == nullptr) return fail("no device was named");
    TRY(runtime::remove_device_node(TRY(handle.container()), source, text_of(target)));
    return true;
  });
}

bool attach_interface(lxc_container* c, const char* device, const char* inside) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (device == nullptr) return fail("no interface was named");
    TRY(runtime::attach_interface(TRY(handle.container()), device, text_of(inside)));
    return true;
  });
}

bool detach_interface(lxc_container* c, const char* device, const char* outside) {
  return guarded(c, false, [&](Handle& handle) -> Result<bool> {
    if (device == nullptr) return fail("no interface was named");
    TRY(runtime::detach_interface(TRY(handle.container()), device, text_of(outside)));
    return true;
  });
}

Status check_version(const lxc_mount* mount) {
  if (mount != nullptr && mount->version == LXC_MOUNT_API_V1) return {};
  return fail(Error::message("this version of the mount interface is not known").hint("LXC_MOUNT_API_V1 is"));
}

int mount(lxc_container* c, const char* source, const char* target, const char* type, unsigned long flags, const void* data,
          lxc_mount* version) {
  return guarded_errno(c, -EINVAL, [&](Handle& handle) -> Result<int> {
    TRY(check_version(version));
    if (target == nullptr) return fail("no place to mount at was given");
    runtime::LiveMount wanted{text_of(source), target, text_of(type), flags, text_of(static_cast<const char*>(data))};
    TRY(runtime::inject_mount(TRY(handle.container()), wanted));
    return 0;
  });
}

int umount(lxc_container* c, const char* target, unsigned long flags, lxc_mount* version) {
  return guarded_errno(c, -EINVAL, [&](Handle& handle) -> Result<int> {
    TRY(check_version(version));
    if (target == nullptr) return fail("no mount was named");
    TRY(runtime::remove_mount(TRY(handle.container()), target, flags));
    return 0;
  });
}

// A descriptor of the monitor's, the caller's from now on.
Result<int> ask_for_descriptor(Handle& handle, runtime::Command command) {
  const runtime::CommandClient::Question question[] = {{command, {}}};
  auto answers = TRY(handle.container()).client().ask_all(question);
  runtime::CommandClient::Answer answer = TRY(std::move(answers.front()));
  if (!answer.descriptor) return fail("the monitor has no such descriptor", EBADF);
  return answer.descriptor.release();
}

// The listener belongs to the monitor, never to the process that asks for a start.
int seccomp_notify_fd(lxc_container*) { return -EBADF; }

int seccomp_notify_fd_active(lxc_container* c) {
  return guarded_errno(
      c, -EBADF, [](Handle& handle) -> Result<int> { return ask_for_descriptor(handle, runtime::Command::kGetSeccompNotifyFd); });
}

int devpts_fd(lxc_container* c) {
  return guarded_errno(c, -EBADF,
                       [](Handle& handle) -> Result<int> { return ask_for_descriptor(handle, runtime::Command::kGetDevptsFd); });
}

}  // namespace

void fill_live_members(lxc_container& face) {
  face.get_interfaces = get_interfaces;
  face.get_ips = get_ips;
  face.get_cgroup_item = get_cgroup_item;
  face.set_cgroup_item = set_cgroup_item;
  face.add_device_node = add_device_node;
  face.remove_device_node = remove_device_node;
  face.attach_interface = attach_interface;
  face.detach_interface = detach_interface;
  face.mount = mount;
  face.umount = umount;
  face.seccomp_notify_fd = seccomp_notify_fd;
  face.seccomp_notify_fd_active = seccomp_notify_fd_active;
  face.devpts_fd = devpts_fd;
}

}  // namespace berth::capi
