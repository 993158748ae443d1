# Many times and many at once: nothing may add up.
load lib

everything() {
  cut -d' ' -f5 /proc/self/mountinfo | sort | uniq -c
  find /sys/fs/cgroup -type d -name "lxc.*$NAME*" | sort
  awk -v path="$LXCPATH" 'index($NF, "@" path) == 1' /proc/net/unix
  ls /sys/class/net
}

@test "200 start/stop cycles leave no mount, cgroup, process or socket more" {
  is_sanitized && cycles=20 || cycles=200
  plain_container
  everything >"$LXCPATH/before"
  processes=$(find /proc -maxdepth 1 -name '[0-9]*' 2>/dev/null | wc -l)
  for _ in $(seq "$cycles"); do
    lxc-start "${P[@]}" "${N[@]}" 3>&-
    lxc-stop "${P[@]}" "${N[@]}" -k
  done
  same() { everything | cmp -s - "$LXCPATH/before"; }
  eventually 10 same || diff <(everything) "$LXCPATH/before"
  # Others come and go on this machine, two hundred would show; the host's init may take its time to collect what is dead.
  settled() { [ "$(find /proc -maxdepth 1 -name '[0-9]*' 2>/dev/null | wc -l)" -lt $((processes + cycles / 4)) ]; }
  eventually 60 settled
}

@test "50 containers at once" {
  is_sanitized && many=10 || many=50
  everything >"$LXCPATH/before"
  for n in $(seq "$many"); do
    mkdir -p "$LXCPATH/$NAME$n"
    [ -e "$LXCPATH/root" ] || cp -a "$(busybox_root)" "$LXCPATH/root"
    cat >"$LXCPATH/$NAME$n/config" <<C
lxc.rootfs.path = dir:$LXCPATH/root
lxc.rootfs.managed = 0
lxc.uts.name = $NAME$n
lxc.net.0.type = empty
lxc.init.cmd = /sbin/testinit
lxc.signal.halt = SIGUSR1
lxc.tty.max = 1
lxc.pty.max = 4
lxc.mount.auto = proc:mixed sys:ro
C
  done
  for n in $(seq "$many"); do lxc-start "${P[@]}" -n "$NAME$n" 3>&- & done
  wait
  equals "$(lxc-ls "${P[@]}" -1 --running | wc -l)" "$many"
  for n in $(seq "$many"); do equals "$(lxc-attach "${P[@]}" -n "$NAME$n" -- hostname)" "$NAME$n"; done
  if is_berth; then
    # A monitor holds only what it needs.
    monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid "${NAME}1")/status")
    [ "$(find "/proc/$monitor/fd" -type l | wc -l)" -lt 40 ]
  fi
  for n in $(seq "$many"); do lxc-stop "${P[@]}" -n "$NAME$n" & done
  wait
  equals "$(lxc-ls "${P[@]}" -1 --running)" ""
  same() { everything | cmp -s - "$LXCPATH/before"; }
  eventually 10 same || diff <(everything) "$LXCPATH/before"
}

@test "the monitor's descriptors do not grow over attaches, infos and reboots" {
  only_berth
  plain_container
  start_container
  monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid)/status")
  inside true
  before=$(find "/proc/$monitor/fd" -type l | wc -l)
  for _ in $(seq 20); do
    inside true
    state >/dev/null
    lxc-freeze "${P[@]}" "${N[@]}"
    lxc-unfreeze "${P[@]}" "${N[@]}"
  done
  for _ in 1 2 3; do
    old=$(init_pid)
    inside kill -TERM 1
    rebooted() { now=$(init_pid) && [ -n "$now" ] && [ "$now" != -1 ] && [ "$now" != "$old" ] && [ "$(state)" = RUNNING ]; }
    eventually 20 rebooted
  done
  settled() { [ "$(find "/proc/$monitor/fd" -type l | wc -l)" -le "$before" ]; }
  eventually 5 settled || ls -l "/proc/$monitor/fd"
}
