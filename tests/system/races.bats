# What two commands may do to one container, or one name, at the same moment, and what a killed one leaves to the next.
load lib

setup_file() { only_berth; }

copy() { lxc-copy "${P[@]}" "${N[@]}" "$@" 3>&-; }

# slow_copy: a copy whose clone hook waits until $LXCPATH/go is there.
slow_copy() {
  printf '#!/bin/sh\ncd %s\nwhile [ -d . ] && [ ! -e go ] && [ -e hook ]; do sleep 0.05; done\n' "$LXCPATH" >"$LXCPATH/hook"
  chmod 755 "$LXCPATH/hook"
  make_container <<<"lxc.hook.clone = $LXCPATH/hook"
  lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c" 3>&- &
  copying=$!
  eventually 10 [ -e "$LXCPATH/${NAME}c/config" ]
}

@test "what is being copied, and what a killed copy has left, does not start" {
  only_root
  slow_copy
  exits 1 lxc-start "${P[@]}" -n "${NAME}c"
  contains "$output" "another process is creating this container"
  kill -9 "$copying"
  wait "$copying" || true
  exits 1 lxc-start "${P[@]}" -n "${NAME}c"
  contains "$output" "the process that made it was killed"
  contains "$output" "remove it: lxc-destroy -P '$LXCPATH' -n ${NAME}c"
  touch "$LXCPATH/go"
  lxc-destroy "${P[@]}" -n "${NAME}c"
  copy -N "${NAME}c"
  start_container "${NAME}c"
  lxc-stop "${P[@]}" -n "${NAME}c" -k
}

# delayed enter|exit CALL PATH COMMAND...: in the background, and $delayed: the first such call for PATH is held up, before or behind.
delayed() {
  local when=$1 call=$2 path=$3
  shift 3
  is_sanitized && skip "sanitizers and strace exclude each other"
  command -v strace >/dev/null || skip "needs strace"
  strace -f -P "$path" -e trace="$call" -e inject="$call":"delay_$when"=1500ms:when=1 -o "$LXCPATH/.calls" "$@" \
    >"$LXCPATH/.output" 2>&1 3>&- &
  delayed=$!
}
held_up() { eventually 20 "$@"; }
status_of() {
  local status=0
  wait "$1" || status=$?
  equals "$status" "$2"
}

# second_path: another spelling of the lxcpath, so that who comes by it has another lock.
second_path() {
  ln -s . "$LXCPATH/again"
  echo "$LXCPATH/again"
}

@test "of two creations of one name the second waits for the claim of the first, and takes nothing from it" {
  printf 'lxc.uts.name = first\n' >"$LXCPATH/first"
  printf 'lxc.uts.name = second\n' >"$LXCPATH/second"
  delayed enter linkat "$LXCPATH/$NAME/partial" lxc-create "${P[@]}" "${N[@]}" -f "$LXCPATH/first" -t none
  held_up [ -d "$LXCPATH/$NAME" ]
  exits 1 lxc-create "${P[@]}" "${N[@]}" -f "$LXCPATH/second" -t none
  status_of "$delayed" 0
  contains "$(cat "$LXCPATH/$NAME/config")" "lxc.uts.name = first"
  [ ! -e "$LXCPATH/$NAME/partial" ]
}

@test "a creation that finds another's container when it has made its mark leaves that alone" {
  printf 'lxc.uts.name = first\n' >"$LXCPATH/first"
  printf 'lxc.uts.name = second\n' >"$LXCPATH/second"
  local again
  again=$(second_path)
  delayed enter linkat "$LXCPATH/$NAME/partial" lxc-create "${P[@]}" "${N[@]}" -f "$LXCPATH/first" -t none
  held_up [ -d "$LXCPATH/$NAME" ]
  lxc-create -P "$again" "${N[@]}" -f "$LXCPATH/second" -t none
  status_of "$delayed" 1
  contains "$(cat "$LXCPATH/.output")" "the container exists already"
  contains "$(cat "$LXCPATH/$NAME/config")" "lxc.uts.name = second"
  [ ! -e "$LXCPATH/$NAME/partial" ] && [ ! -e "$LXCPATH/$NAME/config.before-create" ]
}

@test "a copy that finds another's container when it has made its mark leaves that alone" {
  only_root
  plain_container
  local again
  again=$(second_path)
  delayed enter linkat "$LXCPATH/${NAME}c/partial" lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c"
  held_up [ -d "$LXCPATH/${NAME}c" ]
  lxc-copy -P "$again" "${N[@]}" -N "${NAME}c" 3>&-
  status_of "$delayed" 1
  # Where the machine is slow the other one is still at work.
  grep -Eq "the container exists already|another process is creating" "$LXCPATH/.output"
  [ -e "$LXCPATH/${NAME}c/rootfs/sbin/init" ] && [ -e "$LXCPATH/${NAME}c/config" ] && [ ! -e "$LXCPATH/${NAME}c/partial" ]
}

@test "what has been made under the name of a container that goes stays, and a creation waits for its end" {
  only_root
  plain_container
  local again
  again=$(second_path)
  delayed enter unlinkat "$LXCPATH/$NAME" lxc-destroy "${P[@]}" "${N[@]}"
  held_up [ ! -e "$LXCPATH/$NAME/config" ]
  lxc-create -P "$again" "${N[@]}" -f /dev/null -t none
  status_of "$delayed" 0
  [ -e "$LXCPATH/$NAME/config" ]
  delayed enter unlinkat "$LXCPATH/$NAME" lxc-destroy "${P[@]}" "${N[@]}"
  held_up [ ! -e "$LXCPATH/$NAME/config" ]
  lxc-create "${P[@]}" "${N[@]}" -f /dev/null -t none
  status_of "$delayed" 0
  [ -e "$LXCPATH/$NAME/config" ]
}

@test "the undoing of a creation that failed leaves alone what others begin there" {
  only_root
  printf '#!/bin/sh\ntouch %s/failed\nexit 1\n' "$LXCPATH" >"$LXCPATH/template"
  chmod 755 "$LXCPATH/template"
  delayed exit unlinkat "$LXCPATH/$NAME/partial" lxc-create "${P[@]}" "${N[@]}" -f /dev/null -t "$LXCPATH/template"
  held_up [ -e "$LXCPATH/failed" ]
  held_up [ ! -e "$LXCPATH/$NAME/partial" ]
  lxc-create "${P[@]}" "${N[@]}" -f /dev/null -t none
  status_of "$delayed" 1
  [ -e "$LXCPATH/$NAME/config" ]
}

@test "a destroy does not mind that another container goes while it looks whether that uses its root" {
  only_root
  plain_container
  make_container "${NAME}b" </dev/null
  delayed exit openat "$LXCPATH/${NAME}b/rootfs" lxc-destroy "${P[@]}" "${N[@]}"
  sleep 0.7
  lxc-destroy "${P[@]}" -n "${NAME}b"
  status_of "$delayed" 0
  [ ! -e "$LXCPATH/$NAME" ]
  plain_container
  make_container "${NAME}b" </dev/null
  delayed enter openat "$LXCPATH/${NAME}b/config" lxc-destroy "${P[@]}" "${N[@]}"
  sleep 0.7
  lxc-destroy "${P[@]}" -n "${NAME}b"
  status_of "$delayed" 0
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "all snapshots go, and the container with them, whoever removes one of them meanwhile" {
  only_root
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}" 3>&-
  delayed enter openat "$LXCPATH/$NAME/snaps/snap0/partial" lxc-snapshot "${P[@]}" "${N[@]}" -d ALL
  sleep 0.7
  lxc-snapshot "${P[@]}" "${N[@]}" -d snap0
  status_of "$delayed" 0
  lxc-snapshot "${P[@]}" "${N[@]}" 3>&-
  delayed enter openat "$LXCPATH/$NAME/snaps/snap0/config" lxc-destroy "${P[@]}" "${N[@]}" -s
  sleep 0.7
  lxc-snapshot "${P[@]}" "${N[@]}" -d snap0
  status_of "$delayed" 0
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "a destroy with --force stops too what began to start a moment before" {
  only_root
  plain_container
  delayed enter openat "$LXCPATH/$NAME/partial" lxc-start "${P[@]}" "${N[@]}"
  sleep 0.7
  lxc-destroy "${P[@]}" "${N[@]}" -f
  wait "$delayed" || true
  [ ! -e "$LXCPATH/$NAME" ]
}
