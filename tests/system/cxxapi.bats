# The C++ interface: headers as they are installed, the library's symbols, and the examples of docs/cxx-api with real containers.
load lib

BUILD=$(cd "$BERTH_BIN/.." && pwd)
example() { "$BUILD/cxx-api/$1" "${@:2}"; }
probe() { example cxxapi_probe "$LXCPATH" "$NAME" "$1"; }
needs_examples() { only_berth "the interface is berth's" && [ -x "$BUILD/cxx-api/cxxapi_probe" ] || skip "the examples are not built"; }

# What watches states leaves a lxc-monitord, which would stay for a while.
eval "lib_$(declare -f teardown)"
teardown() {
  [ -n "${WATCHER:-}" ] && kill "$WATCHER" 2>/dev/null
  is_berth && lxc-monitor "${P[@]}" -Q >/dev/null 2>&1
  lib_teardown
}

@test "each header stands alone, without any other of berth's, and warns of nothing" {
  needs_examples
  mkdir "$LXCPATH/include"
  cp -r "$REPO/include/berth" "$LXCPATH/include"
  for header in "$REPO"/include/berth/*.hpp; do
    name=$(basename "$header")
    printf '#include <berth/%s>\n#include <berth/%s>\n' "$name" "$name" >"$LXCPATH/one.cpp"
    for compiler in g++ clang++-19; do
      $compiler -std=c++23 -fsyntax-only -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror -I "$LXCPATH/include" "$LXCPATH/one.cpp" \
        || fail "$compiler: $name"
    done
    lacks "$(grep '#include "' "$header")" '"' # nothing of src/
  done
}

@test "a program builds from an installation by pkg-config, with g++ and with clang++; the library finds its parts" {
  needs_examples
  is_sanitized && skip "the library needs the run-time of its sanitizer"
  plain_container
  cmake --install "$BUILD" --component cxx --prefix "$LXCPATH/usr"
  library=$(dirname "$(find "$LXCPATH/usr" -name libberth.so)")
  flags=$(PKG_CONFIG_PATH=$library/pkgconfig pkg-config --define-variable=libdir="$library" \
    --define-variable=includedir="$LXCPATH/usr/include" --cflags --libs berth)
  for compiler in g++ clang++-19; do
    # shellcheck disable=SC2086 # words
    $compiler -std=c++23 -Wall -Wextra -Werror "$REPO/tests/system/cxxapi_probe.cpp" -o "$LXCPATH/program" $flags -pthread
    contains "$(readelf -d "$LXCPATH/program")" '[libberth.so.0]'
    LD_LIBRARY_PATH=$BUILD/lib "$LXCPATH/program" "$LXCPATH" "$NAME" life # its helpers are beside it in the build
  done
}

@test "the library exports the interface and nothing else" {
  needs_examples
  is_sanitized && skip "built without its list of symbols"
  library=$BUILD/lib/libberth.so.0
  equals "$(readelf -d "$library" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')" libberth.so.0
  contains "$(readelf -d "$library")" 'libstdc++.so.6'
  nm -D --defined-only "$library" | awk '{ print $3 }' | sort >"$LXCPATH/symbols"
  equals "$(grep -cvE '^_ZNK?5berth3api2v0' "$LXCPATH/symbols" || true)" 0
  diff "$BATS_TEST_DIRNAME/golden/cxx-symbols" <(c++filt <"$LXCPATH/symbols" | sed 's/berth::api::v0:://g' | sort -u)
}

@test "list_containers: names, states, and whom it can't ask" {
  needs_examples
  equals "$(example list_containers "$LXCPATH")" ""
  plain_container
  make_container zz </dev/null
  start_container
  equals "$(example list_containers "$LXCPATH")" "$NAME RUNNING init $(init_pid)
zz STOPPED"
  exits 1 example list_containers relative
  contains "$output" "list_containers: 'relative' cannot be a lxcpath"
  contains "$output" "try: give a path that begins with '/'"
}

@test "create_and_start: by a template; what exists is refused" {
  needs_examples
  contains "$(example create_and_start "$NAME" busybox "$LXCPATH" 3>&-)" "$NAME runs, its init is process $(init_pid)"
  equals "$(state)" RUNNING
  exits 1 example create_and_start "$NAME" busybox "$LXCPATH"
  contains "$output" "create_and_start: $NAME: "
  exits 1 example create_and_start "${NAME}b" no-such-template "$LXCPATH"
  contains "$output" no-such-template
  [ ! -e "$LXCPATH/${NAME}b" ]
}

@test "run_command: output, complaints and exit code" {
  needs_examples
  plain_container
  start_container
  equals "$(example run_command "$LXCPATH" "$NAME" /bin/sh -c 'hostname; pwd; echo "$PATH"' 2>/dev/null)" "printed: $NAME
/
/usr/bin:/bin"
  exits 9 example run_command "$LXCPATH" "$NAME" /bin/sh -c 'echo oh >&2; exit 9'
  contains "$output" "complained: oh"
  exits 125 example run_command "$LXCPATH" "$NAME" /no/such/command
  contains "$output" /no/such/command
  exits 125 example run_command "$LXCPATH" nobody /bin/true
  contains "$output" "not running"
}

@test "watch_states: what happens in its order, until the end" {
  needs_examples
  plain_container
  example watch_states "$LXCPATH" "$NAME" >"$LXCPATH/seen" 2>&1 3>&- &
  WATCHER=$!
  eventually 10 grep -q watching "$LXCPATH/seen"
  start_container
  lxc-freeze "${P[@]}" "${N[@]}"
  lxc-unfreeze "${P[@]}" "${N[@]}"
  lxc-stop "${P[@]}" "${N[@]}" -k
  wait "$WATCHER"
  WATCHER=
  seen=$(sed -n "s/^$NAME: //p" "$LXCPATH/seen" | tr '\n' ' ')
  contains "$seen" "STARTING RUNNING "
  contains "$seen" "FROZEN "
  contains "$seen" "init has ended with "
  [[ $seen == *"STOPPED " ]]
}

@test "edit_config: the container is started as it was edited" {
  needs_examples
  plain_container
  shown=$(example edit_config "$LXCPATH" "$NAME")
  contains "$shown" "host name edited, root $LXCPATH/$NAME/rootfs"
  contains "$shown" "network 0: empty"
  contains "$shown" "GREETING=hello world"
  start_container
  equals "$(inside hostname)" edited
  contains "$(cat "/proc/$(init_pid)/limits")" "512                  1024"
  contains "$(tr '\0' '\n' <"/proc/$(init_pid)/environ")" "GREETING=hello world"
  contains "$(inside grep ' /srv/share ' /proc/mounts)" "ro"
  exits 1 example edit_config "$LXCPATH" nobody
  contains "$output" "$LXCPATH/nobody/config"
}

@test "clone_and_snapshot: copies that start, and a snapshot that is gone" {
  needs_examples
  plain_container
  contains "$(example clone_and_snapshot "$LXCPATH" "$NAME" "${NAME}c" "${NAME}r")" "copied to ${NAME}c and ${NAME}r"
  contains "$(lxc-snapshot "${P[@]}" "${N[@]}" -L)" "No snapshots"
  for name in "${NAME}c" "${NAME}r"; do
    start_container "$name"
    lxc-stop "${P[@]}" -n "$name" -k
  done
}

@test "mount_live: there while it is lent, read-only, then gone" {
  needs_examples
  plain_container
  start_container
  mkdir "$LXCPATH/data"
  echo content >"$LXCPATH/data/file"
  mkfifo "$LXCPATH/go"
  example mount_live "$LXCPATH" "$NAME" "$LXCPATH/data" /srv/lent <"$LXCPATH/go" >"$LXCPATH/out" 3>&- &
  WATCHER=$!
  exec 8>"$LXCPATH/go"
  eventually 10 grep -q mounted "$LXCPATH/out"
  equals "$(inside cat /srv/lent/file)" content
  exits 1 inside touch /srv/lent/other
  echo >&8
  exec 8>&-
  wait "$WATCHER"
  WATCHER=
  lacks "$(inside cat /proc/mounts)" /srv/lent
}

@test "change_limits: now, and at the next start" {
  needs_examples
  plain_container
  start_container
  contains "$(example change_limits "$LXCPATH" "$NAME" 104857600)" "limit now: 104857600"
  contains "$(cat "$LXCPATH/$NAME/config")" "lxc.cgroup2.memory.max = 104857600"
  exits 1 example change_limits "$LXCPATH" "$NAME" rubbish
  contains "$output" "memory"
}

@test "life through the interface: errors of what does not run, start, freeze, reboot, shutdown" {
  needs_examples
  plain_container
  probe life
  probe foreground
}

@test "commands, functions, devices and terminals in a running container" {
  needs_examples
  plain_container
  start_container
  probe commands
  probe functions
  probe live
  probe console
}

@test "a container is destroyed together with the copies that need it, which are told" {
  only_root
  needs_examples
  grep -qw overlay /proc/filesystems || skip "needs overlay"
  plain_container
  probe clones
  equals "$(ls "$LXCPATH")" ""
}

@test "objects: moves, renames, lists of defined and of running ones" {
  needs_examples
  for name in "$NAME" "${NAME}b" aa; do plain_container "$name"; done
  probe moves
  probe naming
  start_container
  probe lists
}

@test "a subscription sees one process start and stop a container" {
  needs_examples
  plain_container
  states=$(probe events 3>&-)
  equals "$states" "STARTING
RUNNING
STOPPING
STOPPED"
}

@test "one object in several threads at the same time" {
  needs_examples
  plain_container
  start_container
  probe threads
}
