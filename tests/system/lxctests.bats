# The scripts of Debian's package lxc-tests on berth's commands. tests/compat/run-lxc-test keeps them off the host and says what
# becomes of each: `run-lxc-test --list`.
load lib

RUN=$BATS_TEST_DIRNAME/../compat/run-lxc-test

passes() {
  only_root
  [ -x "/usr/bin/lxc-test-$1" ] || skip "Debian's package lxc-tests is not installed"
  BERTH_BIN=$BERTH_BIN run "$RUN" "$1" 3>&- </dev/null
  [ "$status" != 77 ] || skip "$output"
  [ "$status" = 0 ] || fail "lxc-test-$1 exited with $status:
$output"
}

# NAMEs with the HOW $1.
listed() { "$RUN" --list | awk -v how="$1" '$2 == how { print $1 }' | sort; }

@test "cloneconfig" { passes cloneconfig; }
@test "createconfig" { passes createconfig; }
@test "exit-code" { passes exit-code; }
@test "lxc-attach" { passes lxc-attach; }
@test "no-new-privs" { passes no-new-privs; }
@test "procsys" { passes procsys; }
@test "rootfs" { passes rootfs; }
@test "snapdeps" { passes snapdeps; }
@test "symlink" { passes symlink; }

@test "lxc-attach on a terminal" {
  only_root
  [ -x /usr/bin/lxc-test-lxc-attach ] || skip "Debian's package lxc-tests is not installed"
  export BERTH_BIN
  mkfifo "$LXCPATH/typed" # script ends a session when nothing more can be typed
  run script --quiet --return --command "$RUN lxc-attach" /dev/null 3>&- 0<>"$LXCPATH/typed"
  [ "$status" != 77 ] || skip "$output"
  [ "$status" = 0 ] || fail "lxc-test-lxc-attach exited with $status:
$output"
  contains "$output" "will be performed correctly"
}

@test "every test of the package is in the table, every script of the table that runs has its test here" {
  [ -x /usr/bin/lxc-test-exit-code ] || skip "Debian's package lxc-tests is not installed"
  equals "$("$RUN" --list | cut -d' ' -f1 | sort)" "$(basename -a /usr/bin/lxc-test-* | sed 's/^lxc-test-//' | sort)"
  equals "$(sed -n 's/^@test "\([^ ]*\)" { passes \1; }$/\1/p' "$BATS_TEST_FILENAME" | sort)" "$({ listed run; listed pty; } | sort)"
}

# A program that took these functions from the library could be run on berth's: it would have to leave the table's "static".
@test "the programs of the package carry LXC's library in themselves" {
  [ -x /usr/bin/lxc-test-exit-code ] || skip "Debian's package lxc-tests is not installed"
  local name count=0
  for name in $(listed static); do
    nm -D --defined-only "/usr/bin/lxc-test-$name" | grep -q ' T lxc_container_new$' || fail "lxc-test-$name could run on berth's library"
    count=$((count + 1))
  done
  [ "$count" -gt 30 ]
}

@test "users of a busybox container can ping, and are root in no other command" {
  only_root
  lxc-create "${P[@]}" "${N[@]}" -f /dev/null -t busybox
  printf 'lxc.net.0.type = empty\n' >>"$LXCPATH/$NAME/config"
  start_container
  inside ip link set lo up
  lxc-attach "${P[@]}" "${N[@]}" --uid 1000 --gid 1000 -- ping -c 1 127.0.0.1
  equals "$(lxc-attach "${P[@]}" "${N[@]}" --uid 1000 --gid 1000 -- sh -c 'grep ^Uid: /proc/self/status')" "$(printf 'Uid:\t1000\t1000\t1000\t1000')"
}
