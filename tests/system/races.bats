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
