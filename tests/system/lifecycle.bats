# One container through its life, by every command that takes part.
load lib

@test "the busybox template: create, start, look, attach, stop, destroy" {
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/c.conf"
  lxc-create "${P[@]}" "${N[@]}" -t busybox -f "$LXCPATH/c.conf" >/dev/null
  equals "$(stat -c %a "$LXCPATH/$NAME")" 770
  [ ! -e "$LXCPATH/$NAME/partial" ]
  start_container
  equals "$(state)" RUNNING
  contains "$(lxc-ls "${P[@]}" --running)" "$NAME"
  equals "$(inside hostname)" "$NAME"
  lxc-stop "${P[@]}" "${N[@]}"
  equals "$(state)" STOPPED
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "create writes LXC's header, the root's path and the name" {
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/c.conf"
  lxc-create "${P[@]}" "${N[@]}" -t busybox -f "$LXCPATH/c.conf" -- --busybox-path "$(command -v busybox)" >/dev/null
  config=$(cat "$LXCPATH/$NAME/config")
  contains "$config" "# Template used to create this container: "
  contains "$config" "# Parameters passed to the template: --busybox-path"
  contains "$config" "lxc.net.0.type = empty"
  contains "$config" "lxc.rootfs.path = dir:$LXCPATH/$NAME/rootfs"
  grep -Eq "^lxc.uts.name = \"?$NAME\"?$" "$LXCPATH/$NAME/config"
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "create tells of a configuration that can't be started, and how to repair it" {
  only_berth
  printf 'lxc.net.0.type = veth\nlxc.net.0.link = br-absent\nlxc.net.0.flags = up\n' >"$LXCPATH/default.conf"
  lxc-create "${P[@]}" "${N[@]}" -t none -f "$LXCPATH/default.conf" >"$LXCPATH/out" 2>"$LXCPATH/said"
  equals "$(cat "$LXCPATH/out")" ""
  equals "$(wc -l <"$LXCPATH/said")" 1
  contains "$(cat "$LXCPATH/said")" "the host has no bridge br-absent ($LXCPATH/$NAME/config:"
  contains "$(cat "$LXCPATH/said")" "make it: ip link add br-absent type bridge"
  equals "$(lxc-create -q "${P[@]}" -n "${NAME}q" -t none -f "$LXCPATH/default.conf" 2>&1)" ""
  # Another type of network, the other lines left as they are.
  lxc-create "${P[@]}" -n "${NAME}b" -t busybox -f "$LXCPATH/default.conf" 2>/dev/null
  sed -i 's/^lxc.net.0.type = .*/lxc.net.0.type = empty/' "$LXCPATH/${NAME}b/config"
  start_container "${NAME}b"
}

@test "the first steps that berth prints" {
  only_berth
  local step
  berth help | sed -n '/^First steps:/,$p' | sed -n 's/^  \(berth .*[^ ]\)   *[^ ].*/\1/p' >"$LXCPATH/steps"
  sed -i "s/  .*//; s/web1/$NAME/" "$LXCPATH/steps"
  equals "$(cut -d' ' -f2 "$LXCPATH/steps" | tr '\n' ' ')" "create start attach ls destroy "
  while read -r -u 7 step; do
    # shellcheck disable=SC2086
    exits 0 $step "${P[@]}" </dev/null
    lacks "$output" "can't"
  done 7<"$LXCPATH/steps"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "create -t none makes no root file system" {
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/c.conf"
  lxc-create "${P[@]}" "${N[@]}" -t none -f "$LXCPATH/c.conf"
  equals "$(cd "$LXCPATH/$NAME" && echo *)" config
  grep -qx "lxc.net.0.type = empty" "$LXCPATH/$NAME/config"
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "create --dir puts the root elsewhere, destroy removes it" {
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/c.conf"
  lxc-create "${P[@]}" "${N[@]}" -t busybox -f "$LXCPATH/c.conf" --dir "$LXCPATH/elsewhere" >/dev/null
  [ -x "$LXCPATH/elsewhere/bin/busybox" ]
  grep -qx "lxc.rootfs.path = dir:$LXCPATH/elsewhere" "$LXCPATH/$NAME/config"
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/elsewhere" ]
}

@test "a template by its absolute path is called as LXC calls it, and sees the half-made container" {
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/c.conf"
  cat >"$LXCPATH/template" <<'T'
#!/bin/sh
printf '%s\n' "$@" >"${1#--path=}/../arguments"
[ -e "${1#--path=}/partial" ] && [ -e "${1#--path=}/config" ] && echo both >>"${1#--path=}/../arguments"
T
  chmod 755 "$LXCPATH/template"
  lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/template" -f "$LXCPATH/c.conf" -- --own 'two words'
  equals "$(cat "$LXCPATH/arguments")" "--path=$LXCPATH/$NAME
--name=$NAME
--rootfs=$LXCPATH/$NAME/rootfs
--own
two words
both"
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "a running container is not removed by another path of its directory" {
  only_berth "LXC looks for the text of the path alone"
  plain_container
  local other=$LXCPATH/.link path
  ln -s . "$other"
  for path in "$LXCPATH" "$other"; do
    lxc-start -P "$path" "${N[@]}" 3>&-
    for command in lxc-destroy "lxc-copy -R -N ${NAME}r" "lxc-snapshot"; do
      for way in "$LXCPATH" "$other"; do
        exits 1 $command -P "$way" "${N[@]}"
        contains "$output" "the container is RUNNING"
        contains "$output" "lxc-stop -P '$path' "
      done
    done
    lxc-stop -P "$path" "${N[@]}" -k
  done
  lxc-start -P "$LXCPATH" "${N[@]}" 3>&-
  lxc-destroy -P "$other" "${N[@]}" -f
  [ ! -e "$LXCPATH/$NAME" ]
  equals "$(lxc-ls "${P[@]}" --active -1)" ""
}

@test "a signal ends the template and all that it started, and takes back what was made" {
  only_berth "LXC leaves the template running and the half container"
  printf '#!/bin/sh\n(setsid sleep 321.5 >/dev/null 2>&1 &)\n: >"${1#--path=}/begun"\nsleep 321.5\nsleep 321.5\n' >"$LXCPATH/template"
  chmod 755 "$LXCPATH/template"
  echo "lxc.net.0.type = empty" >"$LXCPATH/c.conf"
  local signal pid i status
  for signal in TERM HUP; do
    lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/template" -f "$LXCPATH/c.conf" 3>&- 2>"$LXCPATH/said" &
    pid=$! status=0
    for ((i = 0; i < 100; i++)); do [ ! -e "$LXCPATH/$NAME/begun" ] || break; sleep 0.05; done
    sleep 0.2
    equals "$(pgrep -fc 'sleep 321\.5')" 2
    kill "-$signal" "$pid"
    wait "$pid" || status=$?
    equals "$status" 130
    contains "$(cat "$LXCPATH/said")" "cancelled"
    exits 1 pgrep -f 'sleep 321\.5'
    [ ! -e "$LXCPATH/$NAME" ]
  done
}

@test "a template that fails leaves nothing, and its words are shown" {
  printf '#!/bin/sh\necho this is why >&2\nmkdir -p ${3#--rootfs=}/a/b\nexit 3\n' >"$LXCPATH/template"
  chmod 755 "$LXCPATH/template"
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/c.conf"
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/template" -f "$LXCPATH/c.conf"
  contains "$output" "this is why"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "create refuses an existing container and leaves it alone" {
  plain_container
  before=$(cat "$LXCPATH/$NAME/config")
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t busybox
  equals "$(cat "$LXCPATH/$NAME/config")" "$before"
}

@test "a creation that was killed is replaced by the next create" {
  only_berth
  mkdir -p "$LXCPATH/$NAME/rootfs/half"
  touch "$LXCPATH/$NAME/partial"
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/c.conf"
  lxc-create "${P[@]}" "${N[@]}" -t busybox -f "$LXCPATH/c.conf"
  [ ! -e "$LXCPATH/$NAME/rootfs/half" ] && [ ! -e "$LXCPATH/$NAME/partial" ]
}

@test "a creation that was killed can be destroyed" {
  only_berth
  mkdir -p "$LXCPATH/$NAME/rootfs/half"
  touch "$LXCPATH/$NAME/partial"
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "two creates of one name at the same time: one wins, the other says so" {
  only_berth
  printf '#!/bin/sh\nsleep 1\n' >"$LXCPATH/template"
  chmod 755 "$LXCPATH/template"
  printf 'lxc.net.0.type = empty\n' >"$LXCPATH/c.conf"
  lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/template" -f "$LXCPATH/c.conf" 3>&- &
  first=$!
  eventually 5 test -e "$LXCPATH/$NAME/config"
  exits 1 lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/template" -f "$LXCPATH/c.conf"
  wait "$first"
  [ -e "$LXCPATH/$NAME/config" ] && [ ! -e "$LXCPATH/$NAME/partial" ]
}

@test "destroy refuses a running container, --force stops it first" {
  plain_container
  start_container
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  equals "$(state)" RUNNING
  lxc-destroy "${P[@]}" "${N[@]}" --force
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "destroy --force of an ephemeral container" {
  make_container <<<"lxc.ephemeral = 1"
  start_container
  exits 0 timeout 30 lxc-destroy "${P[@]}" "${N[@]}" -f
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "a half-made container that runs is not destroyed" {
  only_berth
  plain_container
  start_container
  touch "$LXCPATH/$NAME/partial"
  run lxc-destroy "${P[@]}" "${N[@]}"
  [ "$status" != 0 ]
  [ -e "$LXCPATH/$NAME/config" ]
  rm "$LXCPATH/$NAME/partial"
}

@test "destroy refuses while snapshots or clones are there" {
  plain_container
  mkdir -p "$LXCPATH/$NAME/snaps/snap0"
  echo x >"$LXCPATH/$NAME/snaps/snap0/config"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  [ -e "$LXCPATH/$NAME/rootfs/bin/busybox" ]
  rm -r "$LXCPATH/$NAME/snaps"
  printf '%s\nclone1\n' "$LXCPATH" >"$LXCPATH/$NAME/lxc_snapshots"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  [ -e "$LXCPATH/$NAME/rootfs/bin/busybox" ]
}

@test "destroy leaves the file of --rcfile alone" {
  plain_container
  cp "$LXCPATH/$NAME/config" "$LXCPATH/mine"
  exits 0 lxc-destroy "${P[@]}" "${N[@]}" --rcfile "$LXCPATH/mine"
  [ ! -e "$LXCPATH/$NAME" ]
  [ -e "$LXCPATH/mine" ]
}

@test "destroy refuses when it can't see what depends on the container" {
  only_berth "takes it for nothing"
  plain_container
  mkdir "$LXCPATH/$NAME/lxc_snapshots"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "whether clones depend"
  rmdir "$LXCPATH/$NAME/lxc_snapshots"
  : >"$LXCPATH/$NAME/snaps"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "whether there are snapshots"
  [ -e "$LXCPATH/$NAME/rootfs/sbin/testinit" ]
  rm "$LXCPATH/$NAME/snaps"
  exits 0 lxc-destroy "${P[@]}" "${N[@]}"
}

@test "destroy follows no symbolic link out of the container" {
  plain_container
  mkdir "$LXCPATH/precious"
  touch "$LXCPATH/precious/file"
  ln -s "$LXCPATH/precious" "$LXCPATH/$NAME/rootfs/link"
  ln -s "$LXCPATH/precious/file" "$LXCPATH/$NAME/link"
  lxc-destroy "${P[@]}" "${N[@]}"
  [ -e "$LXCPATH/precious/file" ]
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "destroy stops at a mount, names it, and can be repeated" {
  only_berth
  plain_container
  mkdir "$LXCPATH/outside" "$LXCPATH/$NAME/rootfs/data"
  touch "$LXCPATH/outside/file"
  mount --bind "$LXCPATH/outside" "$LXCPATH/$NAME/rootfs/data"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "$LXCPATH/$NAME/rootfs/data"
  [ -e "$LXCPATH/outside/file" ]
  umount "$LXCPATH/$NAME/rootfs/data"
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "destroy removes immutable files, and none that a mount shows" {
  only_berth
  plain_container
  chattr +i "$LXCPATH/$NAME/rootfs/etc/passwd" || skip "the file system has no immutable attribute"
  mkdir "$LXCPATH/outside" "$LXCPATH/$NAME/rootfs/data"
  touch "$LXCPATH/outside/file"
  chattr +i "$LXCPATH/outside/file"
  mount --bind "$LXCPATH/outside" "$LXCPATH/$NAME/rootfs/data"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "$LXCPATH/$NAME/rootfs/data"
  umount "$LXCPATH/$NAME/rootfs/data"
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
  contains "$(lsattr "$LXCPATH/outside/file")" i--
  chattr -i "$LXCPATH/outside/file"
}

@test "destroy keeps an unmanaged root" {
  only_berth "the distribution's LXC keeps the storage but removes the directory around it"
  make_container <<<"lxc.rootfs.managed = 0"
  lxc-destroy "${P[@]}" "${N[@]}"
  [ -e "$LXCPATH/$NAME/rootfs/bin/busybox" ]
  [ ! -e "$LXCPATH/$NAME/config" ]
}

@test "destroy never takes a root that holds more than the container" {
  only_berth
  mkdir -p "$LXCPATH/pool/$NAME"
  printf 'lxc.rootfs.path = dir:%s\n' "$LXCPATH/pool" >"$LXCPATH/pool/$NAME/config"
  touch "$LXCPATH/pool/other"
  exits 1 lxc-destroy -P "$LXCPATH/pool" "${N[@]}"
  contains "$output" "lxc.rootfs.path"
  [ -e "$LXCPATH/pool/other" ]
}

@test "starting twice: the second says so and changes nothing" {
  plain_container
  start_container
  pid=$(init_pid)
  run lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "running"
  equals "$(init_pid)" "$pid"
}

@test "foreground: the exit status of init" {
  plain_container
  printf '#!/bin/sh\nexit 0\n' >"$LXCPATH/$NAME/rootfs/sbin/quick"
  printf '#!/bin/sh\nexit 7\n' >"$LXCPATH/$NAME/rootfs/sbin/seven"
  chmod 755 "$LXCPATH/$NAME/rootfs/sbin/"{quick,seven}
  exits 0 lxc-start "${P[@]}" "${N[@]}" -F -s lxc.init.cmd=/sbin/quick
  exits 7 lxc-start "${P[@]}" "${N[@]}" -F -s lxc.init.cmd=/sbin/seven
  equals "$(state)" STOPPED
}

@test "a command on lxc-start's line replaces init" {
  plain_container
  exits 0 lxc-start "${P[@]}" "${N[@]}" -F -- /bin/sh -c 'exit 0'
  exits 3 lxc-start "${P[@]}" "${N[@]}" -F -- /bin/sh -c 'exit 3'
}

@test "the pid file holds the monitor's pid" {
  plain_container
  lxc-start "${P[@]}" "${N[@]}" -p "$LXCPATH/pid" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  monitor=$(cat "$LXCPATH/pid")
  equals "$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid)/status")" "$monitor"
}

@test "a relative pid file, console log and log file land in the caller's directory" {
  plain_container
  mkdir "$LXCPATH/here"
  (cd "$LXCPATH/here" && lxc-start "${P[@]}" "${N[@]}" -p pid -L console.log -o log -l DEBUG 3>&-)
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  equals "$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid)/status")" "$(cat "$LXCPATH/here/pid")"
  [ -e "$LXCPATH/here/console.log" ]
  [ -e "$LXCPATH/here/log" ]
  [ ! -e /pid ]
}

@test "stop of a frozen container does not wait out its time" {
  plain_container
  start_container
  lxc-freeze "${P[@]}" "${N[@]}"
  exits 0 timeout 20 lxc-stop "${P[@]}" "${N[@]}" --nokill -t 15
  equals "$(state)" STOPPED
}

@test "stop: the halt signal, then the exit" {
  plain_container
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -t 10 --nokill
  equals "$(state)" STOPPED
  exits 2 lxc-stop "${P[@]}" "${N[@]}"
}

@test "stop: init that ignores the halt signal is killed after the time-out" {
  plain_container
  printf '#!/bin/sh\ntrap "" USR1\nwhile :; do sleep 1; done\n' >"$LXCPATH/$NAME/rootfs/sbin/testinit"
  start_container
  exits 1 lxc-stop "${P[@]}" "${N[@]}" -t 1 --nokill
  equals "$(state)" RUNNING
  lxc-stop "${P[@]}" "${N[@]}" -t 1
  equals "$(state)" STOPPED
}

@test "stop -k: at once" {
  plain_container
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -k
  equals "$(state)" STOPPED
}

@test "stop -k refuses -r, -t and --nokill" {
  plain_container
  for option in -r '-t 3' --nokill; do
    # shellcheck disable=SC2086
    exits 1 lxc-stop "${P[@]}" "${N[@]}" -k $option
  done
}

@test "reboot by lxc-stop -r: the same monitor, a new init" {
  plain_container
  start_container
  before=$(init_pid)
  monitor=$(awk '/^PPid/ { print $2 }' "/proc/$before/status")
  lxc-stop "${P[@]}" "${N[@]}" -r -t 20
  rebooted() { now=$(init_pid) && [ -n "$now" ] && [ "$now" != -1 ] && [ "$now" != "$before" ]; }
  eventually 20 rebooted
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  if is_berth; then equals "$(awk '/^PPid/ { print $2 }' "/proc/$(init_pid)/status")" "$monitor"; fi
  equals "$(inside hostname)" "$NAME"
}

@test "reboot from inside, three times" {
  plain_container
  start_container
  for _ in 1 2 3; do
    before=$(init_pid)
    inside kill -TERM 1
    rebooted() { now=$(init_pid) && [ -n "$now" ] && [ "$now" != -1 ] && [ "$now" != "$before" ] && [ "$(state)" = RUNNING ]; }
    eventually 20 rebooted
  done
  equals "$(inside hostname)" "$NAME"
}

@test "init that exits by itself ends the container" {
  plain_container
  start_container
  inside kill -USR1 1 || true # it may die with its container
  lxc-wait "${P[@]}" "${N[@]}" -s STOPPED -t 20
}

@test "wait: reached, not reached, several states, a wrong word" {
  plain_container
  lxc-wait "${P[@]}" "${N[@]}" -s STOPPED -t 0
  exits 1 lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 1
  start_container
  lxc-wait "${P[@]}" "${N[@]}" -s 'STOPPED|RUNNING' -t 5
  exits 1 lxc-wait "${P[@]}" "${N[@]}" -s WALKING -t 5
  lxc-wait "${P[@]}" "${N[@]}" -s STOPPED -t 20 3>&- &
  waiter=$!
  lxc-stop "${P[@]}" "${N[@]}" -k
  wait "$waiter"
}

@test "freeze and unfreeze" {
  plain_container
  start_container
  lxc-freeze "${P[@]}" "${N[@]}"
  equals "$(state)" FROZEN
  contains "$(lxc-ls "${P[@]}" --frozen)" "$NAME"
  lxc-wait "${P[@]}" "${N[@]}" -s FROZEN -t 5
  lxc-unfreeze "${P[@]}" "${N[@]}"
  equals "$(state)" RUNNING
  equals "$(inside hostname)" "$NAME"
}

@test "freeze while programs are being started: one that waits for its vfork child is passed over by the first word" {
  plain_container
  start_container
  inside sh -c 'for i in 1 2 3 4 5 6; do yes | xargs -n 1 /bin/true & done >/dev/null 2>&1' # xargs of busybox starts by vfork
  local i
  for i in $(seq 50); do
    timeout 20 lxc-freeze "${P[@]}" "${N[@]}" || fail "freeze $i: $(state)"
    lxc-unfreeze "${P[@]}" "${N[@]}"
  done
  equals "$(state)" RUNNING
}

@test "a frozen container can be killed" {
  plain_container
  start_container
  lxc-freeze "${P[@]}" "${N[@]}"
  timeout 20 lxc-stop "${P[@]}" "${N[@]}" -k
  equals "$(state)" STOPPED
}

@test "an ephemeral container is destroyed by berth, whoever started it; without berth it does not start" {
  only_berth
  is_sanitized && skip "the program is copied to another place"
  make_container <<<"lxc.ephemeral = 1"
  mkdir -p "$LXCPATH/.other/bin" "$LXCPATH/.other/programs"
  ln -s "$BERTH_BIN/../libexec" "$LXCPATH/.other/libexec"
  cp "$BERTH_BIN/berth" "$LXCPATH/.other/programs/lxc-start" # not a berth that knows `destroy` by its own name
  if [ ! -e /usr/bin/berth ] && [ ! -e /usr/local/bin/berth ]; then
    exits 1 "$LXCPATH/.other/programs/lxc-start" "${P[@]}" "${N[@]}"
    contains "$output" "the program berth is missing"
    equals "$(state)" STOPPED
  fi
  ln -s "$BERTH_BIN/berth" "$LXCPATH/.other/bin/berth"
  "$LXCPATH/.other/programs/lxc-start" "${P[@]}" "${N[@]}" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  lxc-stop "${P[@]}" "${N[@]}" -k
  gone() { [ ! -e "$LXCPATH/$NAME" ]; }
  eventually 10 gone
}

@test "an ephemeral container is gone after its halt, not after a reboot" {
  make_container <<<"lxc.ephemeral = 1"
  start_container
  before=$(init_pid)
  inside kill -TERM 1
  rebooted() { now=$(init_pid) && [ -n "$now" ] && [ "$now" != -1 ] && [ "$now" != "$before" ] && [ "$(state)" = RUNNING ]; }
  eventually 20 rebooted
  lxc-stop "${P[@]}" "${N[@]}"
  eventually 10 test ! -e "$LXCPATH/$NAME"
}

@test "info: all lines, one value, a configuration key" {
  plain_container
  exits 0 lxc-info "${P[@]}" "${N[@]}"
  contains "$output" "State:          STOPPED"
  start_container
  run lxc-info "${P[@]}" "${N[@]}"
  contains "$output" "Name:           $NAME"
  contains "$output" "State:          RUNNING"
  contains "$output" "PID:            $(init_pid)"
  contains "$output" "Memory use:"
  equals "$(lxc-info "${P[@]}" "${N[@]}" -c lxc.uts.name)" "lxc.uts.name = $NAME"
  exits 1 lxc-info "${P[@]}" -n "${NAME}absent"
}

@test "ls: plain, by state, fancy, filtered" {
  plain_container "$NAME"
  plain_container "${NAME}b"
  start_container
  equals "$(lxc-ls "${P[@]}" -1)" "$NAME
${NAME}b"
  equals "$(lxc-ls "${P[@]}" -1 --stopped)" "${NAME}b"
  equals "$(lxc-ls "${P[@]}" -1 --running)" "$NAME"
  equals "$(lxc-ls "${P[@]}" -1 --active)" "$NAME"
  equals "$(lxc-ls "${P[@]}" -1 --filter 'b$')" "${NAME}b"
  run lxc-ls "${P[@]}" -f -F NAME,STATE,PID
  contains "${lines[0]}" "NAME"
  contains "${lines[1]}" "RUNNING $(init_pid)"
  contains "${lines[2]}" "STOPPED -"
}

@test "--json of info and ls is JSON" {
  only_berth
  plain_container
  start_container
  lxc-info "${P[@]}" "${N[@]}" --json | python3 -c 'import json,sys; json.load(sys.stdin)'
  lxc-ls "${P[@]}" --json | python3 -c 'import json,sys; json.load(sys.stdin)'
}

@test "a name positional instead of -n" {
  plain_container
  lxc-start "${P[@]}" "$NAME" 3>&-
  lxc-wait "${P[@]}" "$NAME" -s RUNNING -t 20
  contains "$(lxc-info "${P[@]}" "$NAME" -s)" RUNNING
  lxc-stop "${P[@]}" "$NAME" -k
}

@test "a lxcpath that is a symbolic link works" {
  plain_container
  ln -s "$LXCPATH" "$LXCPATH.link"
  lxc-start -P "$LXCPATH.link" "${N[@]}" 3>&-
  lxc-wait -P "$LXCPATH.link" "${N[@]}" -s RUNNING -t 20
  equals "$(lxc-info -P "$LXCPATH.link" "${N[@]}" -s -H)" RUNNING
  lxc-stop -P "$LXCPATH.link" "${N[@]}" -k
  rm "$LXCPATH.link"
}

@test "a long lxcpath gets a hashed socket name" {
  long=$LXCPATH/$(printf 'd%.0s' $(seq 120))
  mkdir "$long"
  plain_container
  mv "$LXCPATH/$NAME" "$long/"
  sed -i "s|dir:$LXCPATH|dir:$long|" "$long/$NAME/config"
  lxc-start -P "$long" "${N[@]}" 3>&-
  lxc-wait -P "$long" "${N[@]}" -s RUNNING -t 20
  contains "$(lxc-ls -P "$long" --active)" "$NAME"
  lxc-stop -P "$long" "${N[@]}" -k
  rm -r "$long"
}

@test "the starter's open descriptors do not reach the container" {
  plain_container
  exec 9</etc/hostname
  lxc-start "${P[@]}" "${N[@]}" 3>&-
  exec 9<&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  run ls -l "/proc/$(init_pid)/fd"
  lacks "$output" "/etc/hostname"
}

@test "init that dies at once when daemonized: the start does not hang" {
  plain_container
  run timeout 20 lxc-start "${P[@]}" "${N[@]}" -s lxc.init.cmd=/bin/true
  [ "$status" != 124 ]
  eventually 10 test "$(state)" = STOPPED
}

@test "output that can't be written is a failure" {
  only_berth "says nothing"
  plain_container
  local command
  for command in "lxc-ls -1" "lxc-ls -f" "lxc-info -s -n $NAME" "lxc-start --plan -n $NAME"; do
    run -1 bash -c "$command -P $LXCPATH >/dev/full"
    contains "$output" "No space left on device"
  done
}

@test "a log file that is a link: -o /dev/stderr" {
  plain_container
  start_container
  equals "$(lxc-info "${P[@]}" "${N[@]}" -s -H -o /dev/stderr -l DEBUG 2>/dev/null)" RUNNING
  exits 0 lxc-stop "${P[@]}" "${N[@]}" -k -o /dev/stderr -l DEBUG
}

@test "a command for one container refuses the name of a second one" {
  only_berth
  plain_container
  plain_container "${NAME}b"
  exits 1 lxc-destroy "${P[@]}" "$NAME" "${NAME}b"
  contains "$output" "'${NAME}b' is one argument too many"
  [ -d "$LXCPATH/$NAME" ]
  exits 1 lxc-stop "${P[@]}" "$NAME" "${NAME}b"
  exits 1 lxc-snapshot "${P[@]}" "$NAME" more
  [ ! -e "$LXCPATH/$NAME/snaps" ]
}

@test "a command that would run on the host's files, for want of a container, says so" {
  only_berth
  exits 1 lxc-start "${P[@]}" -n "${NAME}absent" -- no-such-program-anywhere
  contains "$output" "there is no container ${NAME}absent in $LXCPATH"
}
