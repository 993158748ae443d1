# What a user reads when a start fails: one message, on stderr, at the first try, status 1, also when daemonized.
# The texts are reviewed like code: tests/system/golden/CASE. With BERTH_UPDATE_GOLDEN=1 they are written instead of compared.
load lib

setup_file() { only_berth "the texts are berth's own"; }

GOLDEN=$REPO/tests/system/golden

# What differs from run to run and from host to host gets a placeholder.
normalize() {
  sed -E -e "s|$LXCPATH|@LXCPATH@|g" -e "s|$NAME|@NAME@|g" -e "s|$BERTH_BIN|@BIN@|g" -e "s|${BERTH_BIN%/bin}|@BUILD@|g" \
    -e 's/step [0-9]+ of [0-9]+/step @STEP@ of @STEPS@/' -e 's/pid [0-9]+/pid @PID@/g' -e 's/ +$//' \
    -e 's|/dev/loop[0-9]+|/dev/loop@N@|g' \
    -e 's|/sys/fs/cgroup/[a-z_,=]+/|/sys/fs/cgroup/@HIERARCHY@/|g' -e 's/^(  because: this host offers ).*/\1@CONTROLLERS@/'
}

# golden CASE COMMAND...: the command fails with status 1 and says on stderr what the golden file says; nothing on stdout.
golden() {
  local case=$1 status=0
  shift
  "$@" >"$LXCPATH/.stdout" 2>"$LXCPATH/.stderr" 3>&- || status=$?
  equals "$status" "${golden_status:-1}"
  equals "$(cat "$LXCPATH/.stdout")" ""
  normalize <"$LXCPATH/.stderr" >"$LXCPATH/.text"
  if [ -n "${BERTH_UPDATE_GOLDEN:-}" ]; then
    cp "$LXCPATH/.text" "$GOLDEN/$case"
  else
    diff -u "$GOLDEN/$case" "$LXCPATH/.text"
  fi
}

# A start that fails: daemonized and in the foreground it says the same, and nothing runs or is left.
start_fails() {
  local case=$1
  shift
  golden "$case" lxc-start "${P[@]}" "${N[@]}" "$@"
  equals "$(state 2>/dev/null || echo STOPPED)" STOPPED
  golden "$case" lxc-start "${P[@]}" "${N[@]}" -F "$@"
}

@test "a start that fails right after one that failed fails too, and does not meet its end" {
  plain_container
  # Back to back: what is left of a failed start is there for a fraction of a millisecond.
  again_and_again() {
    local try
    for try in {1..40}; do
      lxc-start "${P[@]}" "${N[@]}" -s lxc.init.cmd=/no/such/init 2>>"$LXCPATH/said" && return 1
    done
    return 0
  }
  again_and_again
  equals "$(grep -c "executing /no/such/init" "$LXCPATH/said")" 40
  lacks "$(cat "$LXCPATH/said")" "already running"
}

@test "no root file system and no program: the host's init is not run" {
  mkdir "$LXCPATH/$NAME"
  printf 'lxc.uts.name = x\nlxc.net.0.type = empty\n' >"$LXCPATH/$NAME/config"
  start_fails no-root-no-program
}

@test "no such container, and nothing is created for it" {
  before=$(ls -A "$LXCPATH")
  start_fails no-such-container
  rm -f "$LXCPATH"/.std* "$LXCPATH/.text"
  equals "$(ls -A "$LXCPATH")" "$before"
}

@test "no such container, by the other commands" {
  golden_status=2 golden no-such-container-stop lxc-stop "${P[@]}" "${N[@]}"
  for command in attach info freeze unfreeze destroy console; do
    golden "no-such-container-$command" "lxc-$command" "${P[@]}" "${N[@]}"
  done
}

@test "an unknown key, with the one that was meant" {
  make_container <<<"lxc.rootfs.pathh = /x"
  start_fails unknown-key
}

@test "a bad value, with file and line" {
  make_container <<<"lxc.autodev = maybe"
  start_fails bad-value
}

@test "a bad value in an included file" {
  echo "lxc.tty.max = many" >"$LXCPATH/inc.conf"
  make_container <<<"lxc.include = $LXCPATH/inc.conf"
  start_fails bad-value-included
}

@test "a missing root file system" {
  plain_container
  rm -rf "$LXCPATH/$NAME/rootfs"
  start_fails missing-rootfs
}

@test "a missing init" {
  plain_container
  rm "$LXCPATH/$NAME/rootfs/sbin/testinit"
  start_fails missing-init
}

@test "init that is not executable" {
  plain_container
  chmod 644 "$LXCPATH/$NAME/rootfs/sbin/testinit"
  start_fails init-not-executable
}

@test "init for another architecture" {
  plain_container
  # The head of an ELF program for s390x, a machine that this test does not run on.
  printf '\177ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\2\0\26\0\0\0\1' >"$LXCPATH/$NAME/rootfs/sbin/testinit"
  head -c 4096 /dev/zero >>"$LXCPATH/$NAME/rootfs/sbin/testinit"
  start_fails init-other-architecture
}

@test "init whose interpreter is missing" {
  plain_container
  sed -i '1s|.*|#!/no/such/shell|' "$LXCPATH/$NAME/rootfs/sbin/testinit"
  start_fails init-missing-interpreter
}

@test "a mount whose source is missing" {
  make_container <<<"lxc.mount.entry = $LXCPATH/absent mnt none bind 0 0"
  start_fails mount-source-missing
}

@test "a mount whose target is missing" {
  make_container <<<"lxc.mount.entry = $LXCPATH srv/absent none bind 0 0"
  start_fails mount-target-missing
}

@test "a mount whose target leads through a symbolic link" {
  make_container <<<"lxc.mount.entry = $LXCPATH trap/inner none bind,create=dir 0 0"
  ln -s /etc "$LXCPATH/$NAME/rootfs/trap"
  start_fails mount-target-symlink
}

@test "a mount of a file system that the kernel does not know" {
  make_container <<<"lxc.mount.entry = none mnt nosuchfs defaults 0 0"
  start_fails mount-unknown-filesystem
}

@test "a root on a file system that refuses idmap" {
  only_root
  plain_container
  # proc takes no id-mapped mounts on any kernel.
  cat >>"$LXCPATH/$NAME/config" <<<"lxc.idmap = u 0 500000 65536
lxc.idmap = g 0 500000 65536
lxc.rootfs.options = idmap=container"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = dir:/proc/tty|" "$LXCPATH/$NAME/config"
  start_fails rootfs-refuses-idmap
}

@test "a hook that fails: its own output is shown" {
  printf '#!/bin/sh\necho "the license server does not answer"\necho "asked twice" >&2\nexit 7\n' >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  for hook in pre-start pre-mount start-host; do
    make_container <<<"lxc.hook.$hook = $LXCPATH/hook"
    start_fails "hook-fails-$hook"
    rm -rf "${LXCPATH:?}/$NAME"
  done
}

@test "a hook that is not there" {
  make_container <<<"lxc.hook.pre-start = $LXCPATH/absent"
  start_fails hook-missing
}

@test "a cgroup value that the kernel refuses" {
  if has_v1 memory; then key=lxc.cgroup.memory.limit_in_bytes; else skip "the message of cgroup v2 differs"; fi
  make_container <<<"$key = plenty"
  start_fails cgroup-bad-value
}

@test "a cgroup controller that is not there" {
  make_container <<<"lxc.cgroup.nonesuch.limit = 1"
  start_fails cgroup-no-controller
}

@test "no free cgroup name" {
  only_hybrid
  only_root
  plain_container
  # Names 0 to 999 are taken by groups with a living process each: one process that is in one group; the others cannot be removed
  # because they have a child group with it. Made in one hierarchy, that is enough.
  sleep 600 3>&- &
  holder=$!
  group=/sys/fs/cgroup/pids
  for n in '' $(seq -s ' ' -f '-%.0f' 1 999); do mkdir -p "$group/lxc.payload.$NAME$n" "$group/lxc.monitor.$NAME$n"; done
  status=0
  lxc-start "${P[@]}" "${N[@]}" -F -- /bin/true >/dev/null 2>&1 || status=$?
  kill "$holder"
  # Empty groups are leftovers and are used again: this start succeeds.
  equals "$status" 0
  for n in '' $(seq -s ' ' -f '-%.0f' 1 999); do rmdir "$group/lxc.payload.$NAME$n" "$group/lxc.monitor.$NAME$n" 2>/dev/null || true; done
}

@test "every cgroup name is taken by something alive" {
  only_hybrid
  only_root
  plain_container
  group=/sys/fs/cgroup/pids
  holders=()
  for n in '' $(seq -s ' ' -f '-%.0f' 1 999); do
    mkdir "$group/lxc.payload.$NAME$n"
    sleep 600 3>&- &
    holders+=($!)
    echo $! >"$group/lxc.payload.$NAME$n/cgroup.procs"
  done
  failed=0
  start_fails cgroup-no-free-name || failed=1
  kill "${holders[@]}"
  wait "${holders[@]}" 2>/dev/null || true
  for n in '' $(seq -s ' ' -f '-%.0f' 1 999); do rmdir "$group/lxc.payload.$NAME$n"; done
  equals "$failed" 0
}

@test "a name that is too long, and one that is none" {
  long=$(printf 'n%.0s' $(seq 300))
  golden name-too-long lxc-start "${P[@]}" -n "$long"
  golden name-with-slash lxc-start "${P[@]}" -n a/b
  golden name-missing lxc-start "${P[@]}"
}

@test "a host name that is too long" {
  make_container <<<"lxc.uts.name = $(printf 'n%.0s' $(seq 70))"
  start_fails uts-name-too-long
}

@test "a lxcpath that is not absolute" {
  golden lxcpath-relative lxc-start -P relative/path "${N[@]}"
}

@test "running already" {
  plain_container
  start_container
  pid=$(init_pid)
  status=0
  lxc-start "${P[@]}" "${N[@]}" >"$LXCPATH/.stdout" 2>"$LXCPATH/.stderr" 3>&- || status=$?
  equals "$status" 0 # as LXC has it
  normalize <"$LXCPATH/.stderr" >"$LXCPATH/.text"
  if [ -n "${BERTH_UPDATE_GOLDEN:-}" ]; then cp "$LXCPATH/.text" "$GOLDEN/running-already"; fi
  diff -u "$GOLDEN/running-already" "$LXCPATH/.text"
  equals "$(init_pid)" "$pid"
}

@test "an ordinary user" {
  only_root
  plain_container
  chmod 755 "$LXCPATH/$NAME"
  chmod 644 "$LXCPATH/$NAME/config"
  mkdir "$LXCPATH/home"
  chown 65534:65534 "$LXCPATH/home"
  as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_RUNTIME_DIR "HOME=$LXCPATH/home")
  golden ordinary-user "${as_nobody[@]}" lxc-start "${P[@]}" "${N[@]}"
}

@test "an ordinary user whom the lxcpath shuts out" {
  only_root
  plain_container
  chmod 700 "$LXCPATH/$NAME"
  golden ordinary-user-shut-out setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent lxc-start "${P[@]}" "${N[@]}"
}

@test "a network whose bridge is not there" {
  plain_container
  sed -i "s/^lxc.net.0.type.*/lxc.net.0.type = veth\nlxc.net.0.link = br-absent/" "$LXCPATH/$NAME/config"
  start_fails network-no-bridge
}

@test "create: exists, unknown template, an unknown back end, a template that fails" {
  plain_container
  golden create-exists lxc-create "${P[@]}" "${N[@]}" -t none
  golden create-backend-unknown lxc-create "${P[@]}" -n "${NAME}n" -t none -B floppy
  golden create-no-template lxc-create "${P[@]}" -n "${NAME}n"
  printf '#!/bin/sh\nexit 3\n' >"$LXCPATH/template"
  chmod 755 "$LXCPATH/template"
  echo "lxc.net.0.type = empty" >"$LXCPATH/c.conf"
  golden create-template-fails lxc-create "${P[@]}" -n "${NAME}n" -t "$LXCPATH/template" -f "$LXCPATH/c.conf"
  golden create-template-missing lxc-create "${P[@]}" -n "${NAME}n" -t "$LXCPATH/absent" -f "$LXCPATH/c.conf"
}

@test "destroy: running, snapshots, a mount in the root" {
  plain_container
  mkdir -p "$LXCPATH/$NAME/snaps/snap0"
  golden destroy-snapshots lxc-destroy "${P[@]}" "${N[@]}"
  rm -r "$LXCPATH/$NAME/snaps"
  start_container
  golden destroy-running lxc-destroy "${P[@]}" "${N[@]}"
  lxc-stop "${P[@]}" "${N[@]}" -k
  mount -t tmpfs x "$LXCPATH/$NAME/rootfs/mnt"
  golden destroy-mount lxc-destroy "${P[@]}" "${N[@]}"
  umount "$LXCPATH/$NAME/rootfs/mnt"
}

@test "attach: not running, a command that is not there, a namespace that is not one" {
  plain_container
  golden attach-not-running lxc-attach "${P[@]}" "${N[@]}" -- true
  start_container
  golden attach-bad-namespace lxc-attach "${P[@]}" "${N[@]}" -s NONESUCH -- true
}

@test "an unknown option" {
  status=0
  lxc-start --nonesuch >/dev/null 2>"$LXCPATH/.stderr" || status=$?
  equals "$status" 1
  contains "$(cat "$LXCPATH/.stderr")" "nonesuch"
}

@test "a root in a file that is missing, or holds no file system" {
  only_root
  [ -e /dev/loop-control ] || skip "needs loop devices"
  plain_container
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = loop:$LXCPATH/$NAME/rootdev|" "$LXCPATH/$NAME/config"
  start_fails root-loop-missing
  truncate -s 8M "$LXCPATH/$NAME/rootdev"
  start_fails root-loop-empty
  lacks "$(losetup -a)" "$LXCPATH"
}
