# Consoles and ttys.
load lib

@test "what init prints goes to the log file" {
  make_container <<<"lxc.console.logfile = $LXCPATH/console.log"
  start_container
  written() { grep -q "testinit is ready" "$LXCPATH/console.log"; }
  eventually 10 written
  if is_berth; then equals "$(stat -c %a "$LXCPATH/console.log")" 640; fi
}

@test "--console-log overrides the file" {
  plain_container
  lxc-start "${P[@]}" "${N[@]}" -L "$LXCPATH/other.log" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  written() { grep -q "testinit is ready" "$LXCPATH/other.log"; }
  eventually 10 written
}

@test "the log rotates at its size" {
  make_container <<<"lxc.console.logfile = $LXCPATH/console.log
lxc.console.size = 4KB
lxc.console.rotate = 1"
  printf '#!/bin/sh\nfor n in $(seq 300); do echo "line $n of the test of the console log"; done\n' >"$LXCPATH/$NAME/rootfs/etc/test.start"
  chmod 755 "$LXCPATH/$NAME/rootfs/etc/test.start"
  start_container
  # The old file gets its new name first; the next one is made a moment later.
  rotated() { [ -e "$LXCPATH/console.log.1" ] && [ -e "$LXCPATH/console.log" ]; }
  eventually 10 rotated
  [ "$(stat -c %s "$LXCPATH/console.log")" -le 8192 ]
}

@test "console.path = none: no /dev/console of our own" {
  make_container <<<"lxc.console.path = none"
  start_container
  lacks "$(inside cat /proc/mounts)" " /dev/console "
}

@test "tty.max and tty.dir" {
  make_container <<<"lxc.tty.max = 3
lxc.tty.dir = lxc"
  start_container
  for n in 1 2 3; do inside test -c "/dev/lxc/tty$n"; inside test -e "/dev/tty$n"; done
  exits 1 inside test -e /dev/tty4
  is_berth || return 0 # a newer name
  contains "$(tr '\0' '\n' <"/proc/$(init_pid)/environ")" "container_ttys="
}

@test "lxc-console speaks with a tty and quits by its escape" {
  plain_container
  printf '#!/bin/sh\n(while read -r line </dev/tty1; do echo "heard: $line" >/dev/tty1; done) &\n' >"$LXCPATH/$NAME/rootfs/etc/test.start"
  chmod 755 "$LXCPATH/$NAME/rootfs/etc/test.start"
  start_container
  run timeout 20 python3 "$BATS_TEST_DIRNAME/speak.py" --send 'hello\r' --expect 'heard: hello' --send '\x01q' -- \
    lxc-console "${P[@]}" "${N[@]}" -t 1
  [ "$status" = 0 ] || fail "$output"
}

@test "lxc-console -t 0 shows /dev/console" {
  plain_container
  printf '#!/bin/sh\n(while read -r line; do echo "heard: $line"; done) </dev/console >/dev/console &\n' >"$LXCPATH/$NAME/rootfs/etc/test.start"
  chmod 755 "$LXCPATH/$NAME/rootfs/etc/test.start"
  start_container
  run timeout 20 python3 "$BATS_TEST_DIRNAME/speak.py" --send 'hello\r' --expect 'heard: hello' --send '\x01q' -- \
    lxc-console "${P[@]}" "${N[@]}" -t 0
  [ "$status" = 0 ] || fail "$output"
}

@test "lxc-console of a stopped container is refused" {
  plain_container
  exits 1 lxc-console "${P[@]}" "${N[@]}"
}

@test "a tty is leased to one at a time and comes back" {
  make_container <<<"lxc.tty.max = 1"
  start_container
  for _ in 1 2 3; do
    run timeout 20 python3 "$BATS_TEST_DIRNAME/speak.py" --expect 'tty 1' --send '\x01q' -- lxc-console "${P[@]}" "${N[@]}" -t 1
    [ "$status" = 0 ] || fail "$output"
  done
}

@test "foreground: init writes to the caller's terminal" {
  plain_container
  run timeout 20 script -qec "lxc-start -P $LXCPATH -n $NAME -F -- /bin/echo from-inside" /dev/null
  contains "$output" from-inside
}
