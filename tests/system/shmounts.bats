# lxc.mount.auto = shmounts:HOSTDIR[:CONTAINERDIR]
load lib

host_mounts() { awk -v path="$LXCPATH" 'index($5, path) == 1 { print $5 }' /proc/self/mountinfo; }
shared=""
with_shared() {
  shared=$LXCPATH/made/shared
  make_container <<<"lxc.mount.auto = shmounts:$shared${1:-}
${2:-}"
}
give() {
  mkdir -p "$shared/$1"
  mount -t tmpfs given "$shared/$1"
  touch "$shared/$1/seen"
}

@test "what is mounted on the host later is seen inside, at the default place" {
  only_root
  only_berth "LXC's own directory must be shared by whoever uses it"
  with_shared
  start_container
  give x
  inside test -e /dev/.lxc-mounts/x/seen
  umount "$shared/x"
  exits 1 inside test -e /dev/.lxc-mounts/x/seen
  rmdir "$shared/x"
  lxc-stop -k "${P[@]}" "${N[@]}"
  equals "$(host_mounts)" ""
  [ ! -e "$LXCPATH/made" ]
}

@test "another place, and nothing comes out of the container" {
  only_root
  only_berth
  with_shared :/srv/in
  start_container
  give x
  inside test -e /srv/in/x/seen
  inside mount -t tmpfs inner /srv/in
  lacks "$(cat /proc/self/mountinfo)" " inner "
  lxc-stop -k "${P[@]}" "${N[@]}"
  equals "$(host_mounts)" ""
}

@test "it lasts over a reboot" {
  only_root
  only_berth
  with_shared
  start_container
  first=$(init_pid)
  give x
  lxc-stop -r "${P[@]}" "${N[@]}"
  eventually 20 bash -c "p=\$(lxc-info -P '$LXCPATH' -n '$NAME' -p -H); [ -n \"\$p\" ] && [ \"\$p\" != $first ]"
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  inside test -e /dev/.lxc-mounts/x/seen
  umount "$shared/x"
  give y
  inside test -e /dev/.lxc-mounts/y/seen
  umount "$shared/y"
}

@test "an unprivileged container" {
  only_root
  only_berth
  with_shared "" "lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container"
  start_container
  give x
  inside test -e /dev/.lxc-mounts/x/seen
  umount "$shared/x"
}

@test "a directory that is shared already is used and left" {
  only_root
  mkdir -p "$LXCPATH/own"
  mount -t tmpfs own "$LXCPATH/own"
  mount --make-shared "$LXCPATH/own"
  make_container <<<"lxc.mount.auto = shmounts:$LXCPATH/own"
  start_container
  mkdir "$LXCPATH/own/x"
  mount -t tmpfs given "$LXCPATH/own/x"
  touch "$LXCPATH/own/x/seen"
  inside test -e /dev/.lxc-mounts/x/seen
  umount "$LXCPATH/own/x"
  lxc-stop -k "${P[@]}" "${N[@]}"
  contains "$(host_mounts)" "$LXCPATH/own"
  umount "$LXCPATH/own"
}

@test "a start that fails leaves neither mount nor directory" {
  only_root
  only_berth
  with_shared "" "lxc.init.cmd = /absent"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  equals "$(host_mounts)" ""
  [ ! -e "$LXCPATH/made" ]
  sed -i 's,^lxc.init.cmd = /absent,lxc.hook.pre-start = /bin/false,' "$LXCPATH/$NAME/config"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  equals "$(host_mounts)" ""
  [ ! -e "$LXCPATH/made" ]
}

@test "the host's whole root is refused" {
  only_berth
  make_container <<<"lxc.mount.auto = shmounts:/"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "whole root"
}
