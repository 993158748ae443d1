# Mounts: entries, fstab, automatic ones, the root itself.
load lib

mount_line() { inside awk -v target="$1" '$5 == target { line = $0 } END { print line }' /proc/self/mountinfo; }
options_of() { mount_line "$1" | cut -d' ' -f6; }

@test "a bind mount by a relative target, created as a directory and as a file" {
  mkdir "$LXCPATH/data"
  echo content >"$LXCPATH/data/file"
  make_container <<<"lxc.mount.entry = $LXCPATH/data srv/data none bind,create=dir 0 0
lxc.mount.entry = $LXCPATH/data/file srv/deep/file none bind,create=file 0 0"
  start_container
  equals "$(inside cat /srv/data/file)" content
  equals "$(inside cat /srv/deep/file)" content
}

@test "flags of an entry: ro, nosuid, nodev, noexec on a bind mount" {
  mkdir "$LXCPATH/data"
  make_container <<<"lxc.mount.entry = $LXCPATH/data mnt none bind,ro,nosuid,nodev,noexec 0 0"
  start_container
  for flag in ro nosuid nodev noexec; do contains ",$(options_of /mnt)," ",$flag,"; done
  exits 1 inside touch /mnt/x
}

@test "a file system by an entry, with data" {
  make_container <<<"lxc.mount.entry = mine mnt tmpfs size=64k,mode=700 0 0"
  start_container
  contains "$(inside cat /proc/mounts)" "mine /mnt tmpfs"
  equals "$(inside stat -c %a /mnt)" 700
}

@test "fstab" {
  mkdir "$LXCPATH/data"
  touch "$LXCPATH/data/here"
  printf '# comment\n\n%s mnt none bind 0 0\ntmp srv tmpfs create=dir,size=64k 0 0\n' "$LXCPATH/data" >"$LXCPATH/fstab"
  make_container <<<"lxc.mount.fstab = $LXCPATH/fstab"
  start_container
  inside test -e /mnt/here
  contains "$(inside cat /proc/mounts)" "tmp /srv tmpfs"
}

@test "optional: a missing source or target is no failure" {
  make_container <<<"lxc.mount.entry = $LXCPATH/absent mnt none bind,optional 0 0
lxc.mount.entry = $LXCPATH srv/absent none bind,optional 0 0"
  start_container
  equals "$(mount_line /mnt)" ""
}

@test "optional: whatever keeps a mount from being made, it is left out, and the log says why" {
  make_container <<<"lxc.mount.entry = $LXCPATH/absent mnt none bind,optional 0 0
lxc.mount.entry = none mnt tmpfs size=rubbish,optional 0 0
lxc.mount.entry = none mnt nosuchfs optional 0 0
lxc.mount.entry = $LXCPATH link none bind,create=dir,optional 0 0"
  ln -s /mnt "$LXCPATH/$NAME/rootfs/link"
  lxc-start "${P[@]}" "${N[@]}" -l debug -o "$LXCPATH/log" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  lacks "$(inside cat /proc/mounts)" " /mnt "
  is_berth || return 0 # its words are its own
  log=$(cat "$LXCPATH/log")
  contains "$log" "mounting $LXCPATH/absent on /mnt: left out, it is optional: open($LXCPATH/absent): ENOENT"
  contains "$log" "left out, it is optional: mount(mnt): EINVAL"
  contains "$log" "left out, it is optional: mount(mnt): ENODEV"
  contains "$log" "left out, it is optional: openat2(link): ELOOP"
}

@test "without optional a missing source aborts the start" {
  make_container <<<"lxc.mount.entry = $LXCPATH/absent mnt none bind 0 0"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  if is_berth; then contains "$output" "$LXCPATH/absent"; fi
}

@test "relative: the source is the container's" {
  make_container <<<"lxc.mount.entry = etc mnt none bind,relative 0 0"
  start_container
  equals "$(inside cat /mnt/hostname)" "$(cat "$LXCPATH/$NAME/rootfs/etc/hostname")"
}

@test "a target through a symbolic link is refused, and nothing appears at its end" {
  mkdir "$LXCPATH/outside" "$LXCPATH/data"
  touch "$LXCPATH/data/secret"
  make_container <<<"lxc.mount.entry = $LXCPATH/data trap/inner none bind,create=dir 0 0"
  ln -s "$LXCPATH/outside" "$LXCPATH/$NAME/rootfs/trap"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  if is_berth; then [ ! -e "$LXCPATH/outside/inner" ]; fi
}

@test "an absolute target may go through the root's real path when the lxcpath is a symbolic link" {
  mkdir "$LXCPATH/data" "$LXCPATH/real"
  touch "$LXCPATH/data/here"
  ln -s real "$LXCPATH/link"
  make_container <<<"lxc.mount.entry = $LXCPATH/data $LXCPATH/real/rootfs/srv none bind,create=dir 0 0"
  mv "$LXCPATH/$NAME/rootfs" "$LXCPATH/real/rootfs"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = dir:$LXCPATH/link/rootfs|" "$LXCPATH/$NAME/config"
  start_container
  inside test -e /srv/here
}

@test "an absolute symbolic link as the last component is refused too" {
  mkdir "$LXCPATH/outside" "$LXCPATH/data"
  make_container <<<"lxc.mount.entry = $LXCPATH/data trap none bind 0 0"
  ln -s "$LXCPATH/outside" "$LXCPATH/$NAME/rootfs/trap"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
}

@test "a dev that is a symbolic link cannot lead the device tree elsewhere" {
  plain_container
  rm -rf "$LXCPATH/$NAME/rootfs/dev"
  mkdir "$LXCPATH/outside"
  ln -s "$LXCPATH/outside" "$LXCPATH/$NAME/rootfs/dev"
  run lxc-start "${P[@]}" "${N[@]}" 3>&-
  equals "$(ls -A "$LXCPATH/outside")" ""
}

@test "a proc that is a symbolic link is refused" {
  plain_container
  rm -rf "$LXCPATH/$NAME/rootfs/proc"
  mkdir "$LXCPATH/outside"
  ln -s "$LXCPATH/outside" "$LXCPATH/$NAME/rootfs/proc"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
}

@test "rootfs.options ro: the root is read-only, the rest is not" {
  make_container <<<"lxc.rootfs.options = ro"
  start_container
  contains ",$(options_of /)," ",ro,"
  exits 1 inside touch /etc/x
  inside touch /dev/shm-test
}

@test "proc:mixed and sys:mixed" {
  make_container <<<"lxc.mount.auto =
lxc.mount.auto = proc:mixed sys:mixed
lxc.cap.drop = net_admin"
  start_container
  contains ",$(options_of /proc)," ",rw,"
  contains ",$(options_of /proc/sys)," ",ro,"
  if [ -e /proc/sysrq-trigger ]; then contains ",$(options_of /proc/sysrq-trigger)," ",ro,"; fi
  contains ",$(options_of /sys)," ",ro,"
  contains ",$(options_of /sys/devices/virtual/net)," ",rw,"
}

@test "proc:mixed keeps /proc/sys/net writable with CAP_NET_ADMIN" {
  make_container <<<"lxc.mount.auto =
lxc.mount.auto = proc:mixed"
  start_container
  contains ",$(options_of /proc/sys/net)," ",rw,"
  inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  exits 1 inside sh -c 'echo 1 >/proc/sys/kernel/sysrq'
}

@test "proc:rw and sys:rw" {
  make_container <<<"lxc.mount.auto =
lxc.mount.auto = proc:rw sys:rw"
  start_container
  contains ",$(options_of /proc)," ",rw,"
  contains ",$(options_of /sys)," ",rw,"
  equals "$(mount_line /proc/sys)" ""
}

@test "sys:ro" {
  plain_container
  start_container
  contains ",$(options_of /sys)," ",ro,"
}

@test "cgroup:mixed shows the container its own group only" {
  make_container <<<"lxc.mount.auto = cgroup:mixed:force"
  start_container
  run inside ls /sys/fs/cgroup
  [ -n "$output" ]
  run inside find /sys/fs/cgroup -name 'lxc.*'
  lacks "$output" "$NAME"
}

@test "/dev: nodes, links, modes" {
  plain_container
  start_container
  for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$node"
    equals "$(inside stat -c '%F %t:%T %a' "/dev/$name")" "character special file $(printf '%x:%x' "$major" "$minor") 666"
  done
  for link in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
    equals "$(inside readlink "/dev/${link%%:*}")" "${link#*:}"
  done
  inside test -c /dev/console
  inside test -c /dev/tty1
  inside test -c /dev/ptmx
  equals "$(inside stat -f -c %T /dev/pts)" devpts || inside grep -q ' /dev/pts devpts' /proc/mounts
}

@test "autodev.tmpfs.size" {
  make_container <<<"lxc.autodev.tmpfs.size = 1048576"
  start_container
  contains "$(inside grep ' /dev tmpfs' /proc/mounts)" "size=1024k"
}

@test "autodev = 0 leaves /dev to the root file system" {
  make_container <<<"lxc.autodev = 0"
  touch "$LXCPATH/$NAME/rootfs/dev/from-root"
  start_container
  inside test -e /dev/from-root
}

@test "the old root is out of reach" {
  plain_container
  start_container
  lacks "$(inside cat /proc/mounts)" "$LXCPATH"
  equals "$(inside sh -c 'ls -d /old* /.old* 2>/dev/null; true')" ""
}

@test "remounting the root read-only inside does not reach the host's file system" {
  mkdir "$LXCPATH/fs"
  mount -t tmpfs berth-test "$LXCPATH/fs"
  plain_container
  mv "$LXCPATH/$NAME/rootfs" "$LXCPATH/fs/"
  sed -i "s|$LXCPATH/$NAME/rootfs|$LXCPATH/fs/rootfs|" "$LXCPATH/$NAME/config"
  start_container
  inside mount -o remount,ro / || true
  touch "$LXCPATH/fs/still-writable"
  lxc-stop "${P[@]}" "${N[@]}" -k
  umount "$LXCPATH/fs"
}

@test "the same with the configuration on that file system" {
  mkdir "$LXCPATH/fs"
  mount -t tmpfs berth-test "$LXCPATH/fs"
  plain_container
  mv "$LXCPATH/$NAME" "$LXCPATH/fs/"
  sed -i "s|$LXCPATH/$NAME|$LXCPATH/fs/$NAME|" "$LXCPATH/fs/$NAME/config"
  local P=(-P "$LXCPATH/fs")
  lxc-start "${P[@]}" "${N[@]}"
  lxc-attach "${P[@]}" "${N[@]}" -- mount -o remount,ro / || true
  touch "$LXCPATH/fs/still-writable"
  lxc-stop "${P[@]}" "${N[@]}" -k
  umount "$LXCPATH/fs"
}

@test "mounts made inside stay inside, mounts made on the host below the root do not enter" {
  plain_container
  start_container
  inside mount -t tmpfs own-inside /mnt
  lacks "$(cat /proc/mounts)" own-inside
}

@test "a propagation word: rslave lets later host mounts in" {
  mkdir -p "$LXCPATH/shared"
  mount --bind "$LXCPATH/shared" "$LXCPATH/shared"
  mount --make-shared "$LXCPATH/shared"
  mkdir "$LXCPATH/shared/later"
  make_container <<<"lxc.mount.entry = $LXCPATH/shared mnt none rbind,rslave 0 0"
  start_container
  mount -t tmpfs later "$LXCPATH/shared/later"
  contains "$(inside cat /proc/mounts)" "/mnt/later"
  lxc-stop "${P[@]}" "${N[@]}" -k
  umount "$LXCPATH/shared/later" "$LXCPATH/shared"
}

# A process in a user namespace of its own, mapped from 700000 on: $holder.
hold_user_namespace() {
  unshare --user sleep 1000 3>&- &
  holder=$!
  eventually 10 different_user_namespace
  echo "0 700000 65536" >"/proc/$holder/uid_map"
  echo "0 700000 65536" >"/proc/$holder/gid_map"
}
different_user_namespace() { [ "$(readlink "/proc/$holder/ns/user")" != "$(readlink /proc/self/ns/user)" ]; }
release_user_namespace() {
  kill "$holder"
  wait "$holder" || true
}

@test "idmap=PATH: the owners are those of the user namespace that the file names" {
  only_root
  only_berth "only idmap=container"
  hold_user_namespace
  mkdir "$LXCPATH/data"
  echo content >"$LXCPATH/data/file"
  chown 5:6 "$LXCPATH/data/file"
  make_container <<<"lxc.mount.entry = $LXCPATH/data mnt none bind,idmap=/proc/$holder/ns/user 0 0"
  start_container
  # The mount keeps the map: its file may go.
  release_user_namespace
  equals "$(inside stat -c %u:%g /mnt/file)" 700005:700006
  equals "$(inside cat /mnt/file)" content
  equals "$(stat -c %u:%g "$LXCPATH/data/file")" 5:6
}

@test "idmap=PATH that is no user namespace, or nothing" {
  only_root
  only_berth "only idmap=container"
  mkdir "$LXCPATH/data"
  make_container <<<"lxc.mount.entry = $LXCPATH/data mnt none bind,idmap=/proc/self/ns/net 0 0"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "mapping the owners of $LXCPATH/data"
  contains "$output" "idmap=/proc/self/ns/net"
  sed -i 's,idmap=/proc/self/ns/net,idmap=/absent/ns,' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "/absent/ns"
  equals "$(state)" STOPPED
}
