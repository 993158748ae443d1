// The classic MS_* bits (stable kernel ABI) and their form for mount_setattr. <sys/mount.h> and <linux/mount.h> clash on
// Debian 12, so the numbers that the steps use stand here.
#pragma once

#include <linux/mount.h>

namespace berth::child {

inline constexpr unsigned long kMsReadOnly = 1, kMsNoSuid = 2, kMsNoDev = 4, kMsNoExec = 8, kMsSynchronous = 16, kMsRemount = 32,
                               kMsDirSync = 128, kMsNoSymFollow = 256, kMsNoAtime = 1024, kMsNoDirAtime = 2048, kMsBind = 4096,
                               kMsMove = 8192, kMsRec = 16384, kMsUnbindable = 1 << 17, kMsPrivate = 1 << 18, kMsSlave = 1 << 19,
                               kMsShared = 1 << 20, kMsRelAtime = 1 << 21, kMsStrictAtime = 1 << 24, kMsLazyTime = 1 << 25;

inline unsigned long attribute_bits(unsigned long flags) {
  unsigned long bits = 0;
  if ((flags & kMsReadOnly) != 0) bits |= MOUNT_ATTR_RDONLY;
  if ((flags & kMsNoSuid) != 0) bits |= MOUNT_ATTR_NOSUID;
  if ((flags & kMsNoDev) != 0) bits |= MOUNT_ATTR_NODEV;
  if ((flags & kMsNoExec) != 0) bits |= MOUNT_ATTR_NOEXEC;
  if ((flags & kMsNoDirAtime) != 0) bits |= MOUNT_ATTR_NODIRATIME;
  if ((flags & kMsNoSymFollow) != 0) bits |= MOUNT_ATTR_NOSYMFOLLOW;
  return bits;
}

// The access-time setting is one field of the kernel's, changed as a whole.
inline mount_attr mount_attributes(unsigned long set, unsigned long clear) {
  mount_attr attributes = {};
  attributes.attr_set = attribute_bits(set);
  attributes.attr_clr = attribute_bits(clear);
  if ((set & (kMsNoAtime | kMsRelAtime | kMsStrictAtime)) != 0) {
    attributes.attr_clr |= MOUNT_ATTR__ATIME;
    if ((set & kMsNoAtime) != 0)
      attributes.attr_set |= MOUNT_ATTR_NOATIME;
    else if ((set & kMsStrictAtime) != 0)
      attributes.attr_set |= MOUNT_ATTR_STRICTATIME;
  }
  return attributes;
}

}  // namespace berth::child
