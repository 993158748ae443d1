# lxc-execute: one command under a small init.
load lib

quick() { plain_container; }

@test "exit statuses pass through" {
  quick
  exits 0 lxc-execute "${P[@]}" "${N[@]}" -- /bin/true
  exits 1 lxc-execute "${P[@]}" "${N[@]}" -- /bin/false
  exits 42 lxc-execute "${P[@]}" "${N[@]}" -- /bin/sh -c 'exit 42'
}

@test "output and input are the caller's" {
  quick
  equals "$(echo word | lxc-execute "${P[@]}" "${N[@]}" -- /bin/cat)" word
}

@test "the command is not pid 1, and its orphans are reaped" {
  only_berth "the other LXC needs its init in the guest"
  quick
  exits 0 lxc-execute "${P[@]}" "${N[@]}" -- /bin/sh -c '[ $$ != 1 ] && (sleep 0.1 & :) && sleep 0.5 && ! grep -q "State.*Z" /proc/[0-9]*/status'
}

@test "a command that dies by a signal: execute does too" {
  quick
  run lxc-execute "${P[@]}" "${N[@]}" -- /bin/sh -c 'kill -TERM $$'
  [ "$status" = 143 ]
}

@test "lxc.execute.cmd is the default" {
  make_container <<<"lxc.execute.cmd = /bin/sh -c 'exit 9'"
  exits 9 lxc-execute "${P[@]}" "${N[@]}"
}

@test "a command that is not there" {
  quick
  run lxc-execute "${P[@]}" "${N[@]}" -- /no/such/program
  [ "$status" != 0 ]
  equals "$(state)" STOPPED
}

@test "--uid and --gid" {
  quick
  equals "$(lxc-execute "${P[@]}" "${N[@]}" -u 1000 -g 1001 -- /bin/sh -c 'echo $(id -u):$(id -g)')" 1000:1001
}

@test "daemonized, stopped by lxc-stop" {
  quick
  lxc-execute "${P[@]}" "${N[@]}" -d -- /bin/sleep 1000 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  timeout 20 lxc-stop "${P[@]}" "${N[@]}" -k
  equals "$(state)" STOPPED
}

@test "a big output arrives whole" {
  quick
  equals "$(lxc-execute "${P[@]}" "${N[@]}" -- /bin/sh -c 'head -c 3000000 /dev/zero' | wc -c)" 3000000
}

@test "thirty in a row" {
  quick
  for n in $(seq 30); do exits "$n" lxc-execute "${P[@]}" "${N[@]}" -- /bin/sh -c "exit $n"; done
}

@test "--share-pid: stopping ends the command and nothing of the other container" {
  only_berth "the other LXC's init kills whatever it sees"
  make_container "$NAME-other" </dev/null
  make_container <<<"lxc.signal.halt = SIGTERM"
  start_container "$NAME-other"
  other=$(init_pid "$NAME-other")
  eventually 10 pgrep -P "$other" sleep
  sleeper=$(pgrep -P "$other" sleep)
  lxc-execute "${P[@]}" "${N[@]}" --share-pid "$NAME-other" -d -- /bin/sleep 1001 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  exits 0 timeout 20 lxc-stop "${P[@]}" "${N[@]}" --nokill -t 15
  equals "$(state)" STOPPED
  equals "$(init_pid "$NAME-other")" "$other"
  equals "$(pgrep -P "$other" sleep)" "$sleeper"
}

# A process with a session of its own, in the background of one, whose parent is gone: none is in the command's group.
scattered='setsid sleep $1 & setsid sh -c "sleep $1 & sleep $1" & (setsid sleep $1 &) ; trap "" TERM; while :; do sleep $1; done'

@test "--share-pid: what the command put into sessions of its own ends with it" {
  only_berth "the other LXC's init kills whatever it sees"
  make_container "$NAME-other" </dev/null
  for root in own none; do
    rm -rf "${LXCPATH:?}/$NAME"
    make_container <<<"lxc.signal.halt = SIGTERM"
    [ "$root" = own ] || sed -i '/rootfs.path/d; /mount.auto/d' "$LXCPATH/$NAME/config"
    start_container "$NAME-other"
    other=$(init_pid "$NAME-other")
    eventually 10 pgrep -P "$other" sleep
    sleeper=$(pgrep -P "$other" sleep)
    seconds=$((100000 + BASHPID % 100000))
    lxc-execute "${P[@]}" "${N[@]}" --share-pid "$NAME-other" -d -- /bin/sh -c "$scattered" sh "$seconds" 3>&-
    lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
    all_there() { [ "$(pgrep -fc "^sleep $seconds\$")" = 5 ]; }
    eventually 10 all_there
    exits 0 timeout 20 lxc-stop "${P[@]}" "${N[@]}" --nokill -t 15
    equals "$(state)" STOPPED
    exits 1 pgrep -f "^sleep $seconds\$"
    equals "$(pgrep -P "$other" sleep)" "$sleeper"
    lxc-stop "${P[@]}" -n "$NAME-other" -k
  done
}
