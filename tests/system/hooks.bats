# Hooks: all of them, in order, in both versions, and what happens when one fails.
load lib

# hook_script FILE: a hook that appends "HOOK $*" and its environment to a log. Container-side hooks run before pivot_root with the host's
# files in reach (all but `start`).
hook_script() {
  cat >"$1" <<H
#!/bin/sh
{
  echo "args: \$*"
  env | grep '^LXC_' | sort | sed "s/^/env: /"
} >>"$LXCPATH/log"
H
  chmod 755 "$1"
}

@test "every hook runs once, in LXC's order" {
  for hook in pre-start pre-mount mount autodev start-host stop post-stop; do
    printf '#!/bin/sh\necho %s >>%s/order\n' "$hook" "$LXCPATH" >"$LXCPATH/$hook"
    chmod 755 "$LXCPATH/$hook"
    printf 'lxc.hook.%s = %s\n' "$hook" "$LXCPATH/$hook"
  done >"$LXCPATH/lines"
  echo "lxc.hook.start = /etc/start-hook" >>"$LXCPATH/lines"
  make_container <"$LXCPATH/lines"
  printf '#!/bin/sh\necho inside >/etc/start-hook-ran\n' >"$LXCPATH/$NAME/rootfs/etc/start-hook"
  chmod 755 "$LXCPATH/$NAME/rootfs/etc/start-hook"
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -k
  ended() { grep -q post-stop "$LXCPATH/order"; }
  eventually 10 ended
  equals "$(cat "$LXCPATH/order")" "pre-start
pre-mount
mount
autodev
start-host
stop
post-stop"
  equals "$(cat "$LXCPATH/$NAME/rootfs/etc/start-hook-ran")" inside
}

@test "several hooks of a type run in the order of their lines" {
  for n in 1 2 3; do
    printf '#!/bin/sh\necho %s >>%s/order\n' "$n" "$LXCPATH" >"$LXCPATH/h$n"
    chmod 755 "$LXCPATH/h$n"
  done
  make_container <<<"lxc.hook.pre-start = $LXCPATH/h2
lxc.hook.pre-start = $LXCPATH/h1
lxc.hook.pre-start = $LXCPATH/h3"
  start_container
  equals "$(tr '\n' ' ' <"$LXCPATH/order")" "2 1 3 "
}

@test "version 0: arguments; the environment says who and where" {
  hook_script "$LXCPATH/hook"
  make_container <<<"lxc.hook.pre-start = $LXCPATH/hook own"
  start_container
  log=$(cat "$LXCPATH/log")
  contains "$log" "args: own $NAME lxc pre-start"
  contains "$log" "env: LXC_NAME=$NAME"
  contains "$log" "env: LXC_CONFIG_FILE=$LXCPATH/$NAME/config"
  contains "$log" "env: LXC_ROOTFS_PATH=$LXCPATH/$NAME/rootfs"
  contains "$log" "env: LXC_CGNS_AWARE=1"
  contains "$log" "env: LXC_ROOTFS_MOUNT="
}

@test "version 1: the same in the environment, no arguments" {
  hook_script "$LXCPATH/hook"
  make_container <<<"lxc.hook.version = 1
lxc.hook.start-host = $LXCPATH/hook"
  start_container
  log=$(cat "$LXCPATH/log")
  lacks "$log" "args: $NAME"
  contains "$log" "env: LXC_HOOK_TYPE=start-host"
  contains "$log" "env: LXC_HOOK_SECTION=lxc"
  contains "$log" "env: LXC_HOOK_VERSION=1"
  contains "$log" "env: LXC_PID=$(init_pid)"
}

@test "stop hooks get the namespaces: arguments in version 0" {
  hook_script "$LXCPATH/hook"
  make_container <<<"lxc.hook.stop = $LXCPATH/hook"
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -k
  contains "$(cat "$LXCPATH/log")" " lxc stop "
  grep -Eq 'args: .* mnt:/proc/[0-9]+/fd/[0-9]+' "$LXCPATH/log"
  grep -Eq 'args: .* net:/proc/[0-9]+/fd/[0-9]+' "$LXCPATH/log"
  contains "$(cat "$LXCPATH/log")" "env: LXC_TARGET=stop"
}

@test "stop hooks get the namespaces: environment in version 1, and they are the container's" {
  cat >"$LXCPATH/hook" <<H
#!/bin/sh
env | grep _NS= >"$LXCPATH/log"
readlink \$LXC_UTS_NS >"$LXCPATH/uts"
H
  chmod 755 "$LXCPATH/hook"
  make_container <<<"lxc.hook.version = 1
lxc.hook.stop = $LXCPATH/hook"
  start_container
  uts=$(readlink "/proc/$(init_pid)/ns/uts")
  lxc-stop "${P[@]}" "${N[@]}" -k
  for ns in MNT PID UTS IPC NET; do grep -q "^LXC_${ns}_NS=" "$LXCPATH/log"; done
  equals "$(cat "$LXCPATH/uts")" "$uts"
}

@test "LXC_TARGET says reboot at a reboot" {
  hook_script "$LXCPATH/hook"
  make_container <<<"lxc.hook.post-stop = $LXCPATH/hook"
  start_container
  before=$(init_pid)
  inside kill -TERM 1
  rebooted() { now=$(init_pid) && [ -n "$now" ] && [ "$now" != -1 ] && [ "$now" != "$before" ]; }
  eventually 20 rebooted
  contains "$(cat "$LXCPATH/log")" "env: LXC_TARGET=reboot"
}

@test "the mount hook sees the container's root at LXC_ROOTFS_MOUNT" {
  printf '#!/bin/sh\n[ -x "$LXC_ROOTFS_MOUNT/bin/busybox" ] && touch "$LXC_ROOTFS_MOUNT/etc/mount-hook-ran"\n' >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  make_container <<<"lxc.hook.mount = $LXCPATH/hook"
  start_container
  [ -e "$LXCPATH/$NAME/rootfs/etc/mount-hook-ran" ]
}

@test "what a mount hook mounts is in the container and not on the host" {
  printf '#!/bin/sh\nmount -t tmpfs hooked "$LXC_ROOTFS_MOUNT/mnt"\n' >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  make_container <<<"lxc.hook.mount = $LXCPATH/hook"
  start_container
  contains "$(inside cat /proc/mounts)" "hooked /mnt tmpfs"
  lacks "$(cat /proc/mounts)" hooked
}

@test "the autodev hook fills /dev" {
  printf '#!/bin/sh\ntouch "$LXC_ROOTFS_MOUNT/dev/from-hook"\n' >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  make_container <<<"lxc.hook.autodev = $LXCPATH/hook"
  start_container
  inside test -e /dev/from-hook
}

@test "a failing hook aborts the start, shows its own output, and leaves nothing" {
  only_berth
  printf '#!/bin/sh\necho "the disk is on strike"\nexit 4\n' >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  for hook in pre-start pre-mount mount autodev start-host; do
    rm -rf "${LXCPATH:?}/$NAME"
    make_container <<<"lxc.hook.$hook = $LXCPATH/hook"
    exits 1 lxc-start "${P[@]}" "${N[@]}"
    contains "$output" "the disk is on strike"
    contains "$output" "lxc.hook.$hook"
    equals "$(state)" STOPPED
  done
}

@test "a failing start hook inside the container aborts the start" {
  plain_container
  echo "lxc.hook.start = /etc/hook" >>"$LXCPATH/$NAME/config"
  printf '#!/bin/sh\necho "no use"\nexit 4\n' >"$LXCPATH/$NAME/rootfs/etc/hook"
  chmod 755 "$LXCPATH/$NAME/rootfs/etc/hook"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  if is_berth; then contains "$output" "no use"; fi
  eventually 10 test "$(state)" = STOPPED
}

@test "failing stop hooks do not keep a container alive" {
  make_container <<<"lxc.hook.stop = /bin/false
lxc.hook.post-stop = /bin/false"
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -k
  equals "$(state)" STOPPED
}

@test "destroy hooks run, and a failing one keeps the container" {
  hook_script "$LXCPATH/hook"
  make_container <<<"lxc.hook.destroy = $LXCPATH/hook"
  echo "lxc.hook.destroy = $LXCPATH/second" >>"$LXCPATH/$NAME/config"
  printf '#!/bin/sh\necho not today\nexit 1\n' >"$LXCPATH/second"
  chmod 755 "$LXCPATH/second"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  if is_berth; then contains "$output" "not today"; fi
  [ -x "$LXCPATH/$NAME/rootfs/bin/busybox" ]
  contains "$(cat "$LXCPATH/log")" "args: $NAME lxc destroy"
  printf '#!/bin/sh\nexit 0\n' >"$LXCPATH/second"
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "what a hook prints is in the log at level debug, wherever it runs" {
  printf '#!/bin/sh\necho "out of $1"\necho "err of $1" >&2\n' >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  for hook in pre-start pre-mount mount autodev start-host; do echo "lxc.hook.$hook = $LXCPATH/hook $hook"; done >"$LXCPATH/lines"
  echo "lxc.hook.start = /etc/hook" >>"$LXCPATH/lines"
  make_container <"$LXCPATH/lines"
  sed 's/\$1/start/' "$LXCPATH/hook" >"$LXCPATH/$NAME/rootfs/etc/hook"
  chmod 755 "$LXCPATH/$NAME/rootfs/etc/hook"
  lxc-start "${P[@]}" "${N[@]}" -l debug -o "$LXCPATH/log" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  for hook in pre-start pre-mount mount autodev start start-host; do
    grep -Eq "DEBUG .* produced output: out of $hook\$" "$LXCPATH/log"
    contains "$(cat "$LXCPATH/log")" "err of $hook"
  done
}

@test "lxc.environment reaches hooks and init, .hooks and .runtime only theirs" {
  only_berth "newer keys"
  printf '#!/bin/sh\nenv >%s/log\n' "$LXCPATH" >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  make_container <<<"lxc.environment = BOTH=1
lxc.environment.hooks = HOOKS=1
lxc.environment.runtime = RUNTIME=1
lxc.hook.mount = $LXCPATH/hook"
  start_container
  init=$(tr '\0' '\n' <"/proc/$(init_pid)/environ")
  grep -qx HOOKS=1 "$LXCPATH/log"
  exits 1 grep -qx RUNTIME=1 "$LXCPATH/log"
  contains "$init" BOTH=1
  contains "$init" RUNTIME=1
  lacks "$init" HOOKS=1
}

@test "a hook that hangs is killed with what it has started" {
  only_berth "the other LXC waits for it"
  printf '#!/bin/sh\nsleep 300 &\necho $! >%s/grandchild\nwait\n' "$LXCPATH" >"$LXCPATH/hang"
  chmod 755 "$LXCPATH/hang"
  make_container <<<"lxc.hook.pre-start = $LXCPATH/hang"
  lxc-start "${P[@]}" "${N[@]}" 3>&- 2>"$LXCPATH/said" &
  local starter=$! status=0
  hangs() { [ -s "$LXCPATH/grandchild" ]; }
  eventually 10 hangs
  lxc-stop "${P[@]}" "${N[@]}" -k
  wait "$starter" || status=$?
  equals "$status" 1
  gone() { [ ! -e "/proc/$(cat "$LXCPATH/grandchild")" ]; }
  eventually 5 gone
}
