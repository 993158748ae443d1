# Seccomp filters of containers, seen from inside. BERTH_BIN=/usr/bin runs what LXC does too against it.
load lib

TOOL=$BATS_TEST_DIRNAME/seccomp_tool.py
# Calls that nothing else makes here, and their numbers.
getpriority=140 getpgid=121 getsid=124 sched_getparam=143 sched_getscheduler=145 sched_max=146 sched_min=147 times=100

setup_file() {
  [ "$(id -u)" = 0 ] || skip "needs root"
  [ "$(uname -m)" = x86_64 ] || skip "its numbers are of x86_64"
  gcc -static -O1 -o "$BATS_FILE_TMPDIR/probe" "$BATS_TEST_DIRNAME/seccomp_probe.c" -lpthread
}

# policy <<< TEXT: the policy of the test.
policy() { cat >"$LXCPATH/policy"; }

# confined [LINE...]: a container with that policy, running.
confined() {
  printf '%s\n' "lxc.seccomp.profile = $LXCPATH/policy" "$@" | make_container
  cp "$BATS_FILE_TMPDIR/probe" "$LXCPATH/$NAME/rootfs/probe"
}

# by_init COMMAND...: run by the container's init when it starts; init_said shows the output.
by_init() {
  local file=$LXCPATH/$NAME/rootfs/etc/test.start
  [ -e "$file" ] || printf '#!/bin/sh\nexec >/etc/said 2>&1\n' >"$file"
  printf '%s\n' "$*" >>"$file"
  chmod 755 "$file"
}
said() { [ -e "$LXCPATH/$NAME/rootfs/etc/said" ] && [ "$(wc -l <"$LXCPATH/$NAME/rootfs/etc/said")" -ge "$1" ]; }
init_said() {
  eventually 10 said "$1"
  cat "$LXCPATH/$NAME/rootfs/etc/said"
}
probe() { inside /probe "$@"; }
status_field() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$(init_pid)/status"; }

# proxy MODE: starts the proxy in the background and waits for it.
proxy() {
  rm -f "$LXCPATH/socket"
  timeout 120 python3 "$TOOL" proxy "${2:-$LXCPATH/socket}" "$1" "$LXCPATH/proxy.log" 3>&- &
  PROXY=$!
  eventually 5 grep -q ready "$LXCPATH/proxy.log"
}
end_proxy() {
  kill "$PROXY" 2>/dev/null || true
  wait "$PROXY" 2>/dev/null || true
  rm -f "$LXCPATH/proxy.log"
}

@test "every action, for init and for who attaches" {
  policy <<<"2
denylist
getpriority errno 27
times errno 0
sched_getparam trap
getpgid kill"
  confined
  for words in "call $getpriority" "call $times" "trap $sched_getparam" "call $getsid"; do by_init "/probe $words"; done
  by_init "/probe call $getpgid; echo status \$?"
  start_container
  equals "$(status_field Seccomp)" 2
  equals "$(init_said 5 | grep -v '^Bad system call')" "errno 27
ok
trapped $sched_getparam
ok
status 159"
  equals "$(probe call $getpriority)" "errno 27"
  equals "$(probe trap $sched_getparam)" "trapped $sched_getparam"
  equals "$(probe call $getsid)" ok
  run probe call $getpgid
  equals "$status" 159
}

@test "kill ends the thread, kill_process all of them; log lets the call pass" {
  only_berth "knows kill_process and log"
  policy <<<"2
denylist
getpriority kill
getpgid kill_process
getsid log"
  confined
  start_container
  equals "$(probe thread $getpriority)" survived
  run probe thread $getpgid
  equals "$status" 159
  equals "$(probe call $getsid)" ok
}

@test "every operator on arguments, both spellings" {
  policy <<<"2
denylist
getpriority errno 27 [0,5,!=]
getpgid errno 27 [0,100,<]
getsid errno 27 [0,100,SCMP_CMP_LE]
sched_getparam errno 27 [0,0x500000005,==]
sched_getscheduler errno 27 [0,100,SCMP_CMP_GE]
sched_get_priority_max errno 27 [0,2,>]
sched_get_priority_min errno 27 [0,4,&=,12][1,7,==]"
  confined
  by_init "for n in 0 5; do /probe call $getpriority \$n; done"
  by_init "for n in 99 100 101; do /probe call $getpgid \$n; /probe call $getsid \$n; done"
  by_init "for n in 0x500000005 0x000000005; do /probe call $sched_getparam \$n; done"
  by_init "for n in 99 100; do /probe call $sched_getscheduler \$n; done"
  by_init "for n in 2 3; do /probe call $sched_max \$n; done"
  by_init "for n in '5 7' '5 8' '13 7' '8 7'; do /probe call $sched_min \$n; done"
  start_container
  equals "$(init_said 18 | tr '\n' ' ')" "errno 27 errno 22 errno 27 errno 27 errno 3 errno 27 errno 3 errno 3 errno 27 errno 22 errno 3 errno 27 ok errno 27 errno 27 ok errno 22 errno 22 "
}

@test "a rule holds for programs of 32 bits too, whatever its section" {
  policy <<<"2
denylist
[x86]
getpriority errno 27
waitpid errno 28
[x86_64]
getpgid errno 29
[arm64]
getsid errno 30
[all]
times errno 31"
  confined
  start_container
  equals "$(probe int80 96)" "errno 27"  # getpriority
  equals "$(probe int80 7)" "errno 28"   # waitpid, which x86_64 lacks
  equals "$(probe int80 132)" "errno 29" # getpgid
  equals "$(probe call $getpriority)" "errno 27"
  equals "$(probe call $getpgid)" "errno 29"
  equals "$(probe call $getsid)" ok
  equals "$(probe call $times)" "errno 31"
  equals "$(probe call 0x4000008c)" "errno 27" # getpriority of x32
}

@test "reject_force_umount" {
  policy <<<"2
denylist
reject_force_umount  # umount -f"
  confined
  start_container
  inside touch /nothing
  equals "$(probe call 166 0 1)" "errno 13"
  equals "$(probe call 166 0 3)" "errno 13"
  equals "$(probe call 166 0 2)" "errno 14"
  equals "$(probe int80 52 0 1)" "errno 13"
}

@test "an allowlist: what is not in it has the default action" {
  {
    printf '2\nallowlist errno 38\n[all]\n'
    sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/\1/p' /usr/include/x86_64-linux-gnu/asm/unistd_64.h | grep -vx -e getpriority -e getpgid
    echo 'getpgid allow [0,7,==]'
  } | policy
  confined
  start_container
  equals "$(probe call $getpriority)" "errno 38"
  equals "$(probe call $getpgid 0)" "errno 38"
  equals "$(probe call $getpgid 7)" "errno 3"
  equals "$(probe call $getsid)" ok
}

@test "version 1: numbers, the rest is killed, and all of 32 bits" {
  { printf '1\nallowlist\n'; seq 0 500 | grep -vx $getpriority; } | policy
  confined
  start_container
  equals "$(probe call $getsid)" ok
  run probe call $getpriority
  equals "$status" 159
  run probe int80 20
  equals "$status" 159
}

@test "common.seccomp" {
  cp /usr/share/lxc/config/common.seccomp "$LXCPATH/policy"
  confined
  start_container
  equals "$(probe call 304)" "errno 1" # open_by_handle_at
  equals "$(probe call 246)" "errno 1" # kexec_load
  equals "$(probe call 166 0 1)" "errno 13"
  equals "$(probe int80 128)" "errno 1" # init_module
}

@test "a system call that this architecture does not have is left out, and told" {
  policy <<<"2
denylist
nosuchcall errno 1
getpriority errno 27
arm_fadvise64_64 errno 1"
  confined
  run -0 --separate-stderr lxc-start "${P[@]}" "${N[@]}" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  equals "$(probe call $getpriority)" "errno 27"
  is_berth || return 0
  contains "$stderr" "policy:3: no system call nosuchcall"
  contains "$stderr" "policy:5: the system call arm_fadvise64_64 is not one of this architecture"
}

@test "the start hook is confined, and a policy without its calls stops it" {
  policy <<<"2
denylist
getpriority errno 27"
  confined "lxc.hook.start = /etc/hook"
  printf '#!/bin/sh\n/probe call %s >/etc/hook.said\n' $getpriority >"$LXCPATH/$NAME/rootfs/etc/hook"
  chmod 755 "$LXCPATH/$NAME/rootfs/etc/hook"
  start_container
  equals "$(cat "$LXCPATH/$NAME/rootfs/etc/hook.said")" "errno 27"
}

@test "init with other ids, no_new_privs, and no capabilities" {
  policy <<<"2
denylist
getpriority errno 27"
  confined "lxc.init.uid = 7" "lxc.init.gid = 8" "lxc.no_new_privs = 1" "lxc.cap.keep = none"
  chmod 777 "$LXCPATH/$NAME/rootfs/etc"
  by_init "/probe call $getpriority"
  start_container
  equals "$(init_said 1)" "errno 27"
  equals "$(status_field Uid) $(status_field NoNewPrivs)" "7 1"
}

@test "a container with its own ids" {
  is_berth || grep -q :500000: /etc/subuid || skip "the other LXC needs an entry in /etc/subuid, for root too"
  policy <<<"2
denylist
getpriority errno 27"
  confined "lxc.idmap = u 0 500000 65536" "lxc.idmap = g 0 500000 65536"
  chown -R 500000:500000 "$LXCPATH/$NAME/rootfs"
  chmod 755 "$LXCPATH/$NAME"
  by_init "/probe call $getpriority"
  start_container
  equals "$(init_said 1)" "errno 27"
  equals "$(probe call $getpriority)" "errno 27"
  equals "$(status_field Uid)" 500000
}

@test "lxc-execute" {
  policy <<<"2
denylist
getpriority errno 27"
  confined
  exits 0 lxc-execute "${P[@]}" "${N[@]}" -- /probe call $getpriority
  contains "$output" "errno 27"
}

@test "after a reboot the new init is confined, and its calls are notified" {
  policy <<<"2
denylist
getpriority errno 26
getpgid notify"
  proxy errno
  confined "lxc.seccomp.notify.proxy = unix:$LXCPATH/socket"
  start_container
  before=$(init_pid)
  lxc-stop "${P[@]}" "${N[@]}" -r -t 20
  rebooted() { [ "$(state)" = RUNNING ] && [ "$(init_pid)" != "$before" ]; }
  eventually 20 rebooted
  equals "$(status_field Seccomp)" 2
  equals "$(probe call $getpriority)" "errno 26"
  equals "$(probe call $getpgid)" "errno 27"
  end_proxy
}

@test "notify: a proxy gets LXC's message and decides" {
  policy <<<"2
denylist
getpgid notify
getpriority notify [0,2,==]"
  proxy errno
  confined "lxc.seccomp.notify.proxy = unix:$LXCPATH/socket" "lxc.seccomp.notify.cookie = a cookie"
  by_init "/probe call $getpgid"
  start_container
  equals "$(init_said 1)" "errno 27"
  equals "$(probe call $getpgid)" "errno 27"
  equals "$(probe call $getpriority 0)" ok
  equals "$(probe call $getpriority 2)" "errno 27"
  ! is_berth || exits 1 timeout 10 python3 "$TOOL" listener "$LXCPATH" "$NAME" # not given to a second one who receives
  log=$(cat "$LXCPATH/proxy.log")
  contains "$log" "init=$(init_pid) sizes=80,24,64 cookie=a cookie True nr=$getpgid fds=['dir', 'mem', 'anon_inode:seccomp notify']"
  end_proxy
}

@test "notify: CONTINUE, an abstract socket, a proxy that goes and one that comes" {
  policy <<<"2
denylist
getpriority notify"
  local at=@$LXCPATH/proxy
  is_berth || at=$LXCPATH/socket # LXC 5.0.2 leaves out the last letter of an abstract name
  proxy continue "$at"
  confined "lxc.seccomp.notify.proxy = unix:$at"
  start_container
  equals "$(probe call $getpriority)" ok
  end_proxy
  equals "$(probe call $getpriority)" "errno 38"
  only_berth "connects again"
  proxy die "@$LXCPATH/proxy"
  equals "$(probe call $getpriority)" "errno 38"
  end_proxy
  proxy errno "@$LXCPATH/proxy"
  equals "$(probe call $getpriority)" "errno 27"
  end_proxy
}

@test "notify without a proxy: the listener is for who asks the monitor" {
  policy <<<"2
denylist
getpriority notify"
  confined
  by_init "/probe call $getpriority"
  start_container
  timeout 10 python3 "$TOOL" listener "$LXCPATH" "$NAME" 3>&-
  equals "$(init_said 1)" "errno 18"
  equals "$(probe call $getpriority)" "errno 38"
}

@test "notify: a start without its proxy fails and says why" {
  only_berth "says so"
  policy <<<"2
denylist
getpriority notify"
  confined "lxc.seccomp.notify.proxy = unix:$LXCPATH/nothing"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "lxc.seccomp.notify.proxy names a socket that is not there"
  equals "$(state)" STOPPED
  policy <<<"2
allowlist notify
read"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "a policy that notifies has to allow sendmsg"
}

@test "below another filter none is loaded, unless lxc.seccomp.allow_nesting" {
  policy <<<"2
denylist
getpriority errno 27"
  confined
  run -0 --separate-stderr python3 "$TOOL" below lxc-start "${P[@]}" "${N[@]}" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  equals "$(status_field Seccomp_filters)" 1
  if is_berth; then contains "$stderr" "lxc.seccomp.allow_nesting = 1"; fi
  lxc-stop "${P[@]}" "${N[@]}" -k
  echo "lxc.seccomp.allow_nesting = 1" >>"$LXCPATH/$NAME/config"
  python3 "$TOOL" below lxc-start "${P[@]}" "${N[@]}" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  equals "$(status_field Seccomp_filters)" 2
}

@test "attach: the policy as it is now; -eLSM goes without; other ids" {
  policy <<<"2
denylist
getpriority errno 27"
  confined
  start_container
  equals "$(probe call $getpriority)" "errno 27"
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -eLSM -- /probe call $getpriority)" ok
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -u 7 -g 7 -- /probe call $getpriority)" "errno 27"
  sed -i 's/27/28/' "$LXCPATH/policy"
  equals "$(probe call $getpriority)" "errno 28"
  is_berth || return 0
  echo "read foo" >>"$LXCPATH/policy"
  exits 1 probe call $getpriority
  contains "$output" "policy:4:6: expected kill"
}

@test "attach into containers of LXC, and LXC's into ours" {
  only_berth "compares the two"
  [ -x /usr/bin/lxc-start ] || skip "there is no other LXC"
  policy <<<"2
denylist
getpriority errno 27
getpgid notify"
  proxy errno
  confined "lxc.seccomp.notify.proxy = unix:$LXCPATH/socket"
  /usr/bin/lxc-start "${P[@]}" "${N[@]}" 3>&-
  lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
  equals "$(probe call $getpriority)" "errno 27"
  equals "$(probe call $getpgid)" "errno 27"
  lxc-stop "${P[@]}" "${N[@]}" -k
  end_proxy
  proxy errno
  start_container
  equals "$(/usr/bin/lxc-attach "${P[@]}" "${N[@]}" -- /probe call $getpriority)" "errno 27"
  equals "$(/usr/bin/lxc-attach "${P[@]}" "${N[@]}" -- /probe call $getpgid)" "errno 27"
  end_proxy
  rmdir /sys/fs/cgroup/*/lxc.pivot 2>/dev/null || true
}

@test "the programs are LXC's, instruction by instruction" {
  only_berth "compares the two"
  [ -x /usr/bin/lxc-start ] || skip "there is no other LXC"
  local number=0 program theirs
  printf '2\ndenylist\n' | policy
  confined
  policies() {
    printf '%s\0' "$(cat /usr/share/lxc/config/common.seccomp)" \
      "$(printf '2\nblacklist\nmknod errno 0\n[x86]\nmmap2 errno 9\nsocketcall trap\n[all]\n_llseek kill')" \
      "$(printf '2\ndenylist\nmknod errno 5 [0,1,>=][1,2,<]\nmknod errno 6 [0,3,!=]\nioctl notify [1,0x5401,==]\nopen errno 2 [1,64,&=,192]')" \
      "$(printf '2\nallowlist allow\nmknod errno 5\nmknod errno 6')" \
      "$(printf '1\nallowlist\n'; seq 0 450)"
  }
  while IFS= read -r -d '' -u 9 text; do
    printf '%s\n' "$text" | policy
    for program in "$BERTH_BIN" /usr/bin; do
      "$program/lxc-start" "${P[@]}" "${N[@]}" 3>&- 9>&-
      lxc-wait "${P[@]}" "${N[@]}" -s RUNNING -t 20
      python3 "$TOOL" program "$(init_pid)" >"$LXCPATH/program.$(basename "$(dirname "$program")")"
      lxc-stop "${P[@]}" "${N[@]}" -k
    done
    [ "$(wc -l <"$LXCPATH/program.usr")" -gt 4 ]
    equals "$(cat "$LXCPATH/program.release")" "$(cat "$LXCPATH/program.usr")"
    number=$((number + 1))
  done 9< <(policies)
  equals "$number" 5
  rmdir /sys/fs/cgroup/*/lxc.pivot 2>/dev/null || true
}

@test "a policy with errors stops the start before anything is done, and the check finds all of them" {
  policy <<<"2
denylist
getpriority ernno 27
getpgid errno 5000
[vax]"
  confined
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  equals "$(state)" STOPPED
  is_berth || return 0
  contains "$output" "policy:3:13: expected kill, kill_process, errno N, trap, log, notify or allow, found \"ernno\""
  contains "$output" "did you mean errno?"
  contains "$output" "set by: $LXCPATH/$NAME/config:"
  exits 1 berth config check "${P[@]}" "$NAME"
  contains "$output" "policy:3:13: "
  contains "$output" "policy:4:15: expected the number of an error, 0 to 4095, found \"5000\""
  contains "$output" "policy:5:2: expected all or the name of an architecture, found \"vax\""
  rm "$LXCPATH/policy"
  exits 0 berth config check "${P[@]}" "$NAME"  # a note: it may be written before the start
  contains "$output" "cannot read the seccomp policy"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "No such file or directory"
}

@test "the plan shows the filter" {
  only_berth "has plans"
  policy <<<"2
denylist
getpriority errno 27
getpgid notify"
  confined
  exits 0 lxc-start "${P[@]}" "${N[@]}" --plan
  contains "$output" "loading the seccomp filter of $LXCPATH/policy (system calls: allow, but for 2 rules; "
  contains "$output" "; with a listener)"
}

@test "compiled filters are kept, for their owner alone, and damage is noticed" {
  only_berth "keeps them"
  policy <<<"2
denylist
getpriority errno 27
# $NAME"
  confined
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -k
  kept=$(grep -l "# $NAME" /run/lxc/seccomp/*)
  equals "$(stat -c %a:%u "$kept" /run/lxc/seccomp)" "600:0
700:0"
  before=$(stat -c %i "$kept")
  start_container
  equals "$(stat -c %i "$kept")" "$before"
  lxc-stop "${P[@]}" "${N[@]}" -k
  # An instruction that says "allow" in the place of another.
  python3 -c 'import sys; p = sys.argv[1]; b = open(p, "rb").read(); open(p, "wb").write(b.replace(b"\x1b\0\5\0", b"\0\0\xff\x7f"))' "$kept"
  start_container
  equals "$(probe call $getpriority)" "errno 27"
  [ "$(stat -c %i "$kept")" != "$before" ]
  rm "$kept"
}

@test "a policy under which the first process dies is named" {
  only_berth "explains failures"
  policy <<<"2
allowlist"
  confined
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "SIGSYS"
  contains "$output" "the seccomp policy kills who makes a system call that it does not allow"
  contains "$output" "set by: $LXCPATH/$NAME/config:"
}
