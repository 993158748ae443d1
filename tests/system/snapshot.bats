# lxc-snapshot, and lxc-destroy with snapshots, for containers whose root file system is a directory.
load lib

snapshot() { lxc-snapshot "${P[@]}" "${N[@]}" "$@" 3>&-; }
root() { printf '%s\n' "$LXCPATH/$NAME/rootfs"; }

@test "snapshots are numbered, listed with their comments, and both LXCs agree on them" {
  only_berth "LXC lists them in the order of the directory"
  plain_container
  equals "$(snapshot -L)" "No snapshots"
  echo "before the upgrade" >"$LXCPATH/.comment"
  snapshot -c "$LXCPATH/.comment"
  snapshot
  /usr/bin/lxc-snapshot "${P[@]}" "${N[@]}"
  [[ $(snapshot -L | head -1) =~ ^"snap0 ($LXCPATH/$NAME/snaps) "20[0-9]{2}:[0-9]{2}:[0-9]{2}\ [0-9]{2}:[0-9]{2}:[0-9]{2}$ ]]
  equals "$(snapshot -L | cut -d' ' -f1 | tr '\n' ' ')" "snap0 snap1 snap2 "
  equals "$(snapshot -L -C | sed -n 2p)" "before the upgrade"
  diff <(lxc-snapshot "${P[@]}" "${N[@]}" -L | sort) <(/usr/bin/lxc-snapshot "${P[@]}" "${N[@]}" -L | sort)
  snapshot -d snap0
  snapshot
  equals "$(snapshot -L | cut -d' ' -f1 | tr '\n' ' ')" "snap0 snap1 snap2 "
  /usr/bin/lxc-snapshot "${P[@]}" "${N[@]}" -d snap0
  snapshot -d ALL
  equals "$(snapshot -L)" "No snapshots"
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "--json" {
  only_berth
  plain_container
  equals "$(snapshot --json)" "[]"
  printf 'a "comment"' >"$LXCPATH/.comment"
  snapshot -c "$LXCPATH/.comment"
  snapshot --json | python3 -c '
import json, sys
(snapshot,) = json.load(sys.stdin)
assert snapshot["name"] == "snap0" and snapshot["comment"] == "a \"comment\"", snapshot
assert len(snapshot["timestamp"]) == 19'
}

@test "restored in place: the container is as it was, its other files and snapshots stay" {
  make_container <<<"lxc.net.1.type = empty
lxc.net.1.hwaddr = 00:16:3e:11:22:33"
  echo good >"$(root)/state"
  before=$(sort "$LXCPATH/$NAME/config")
  snapshot
  echo bad >"$(root)/state"
  touch "$(root)/more" "$LXCPATH/$NAME/$NAME.log"
  echo "lxc.environment = BAD=1" >>"$LXCPATH/$NAME/config"
  snapshot -r snap0
  equals "$(cat "$(root)/state")" good
  [ ! -e "$(root)/more" ]
  equals "$(snapshot -L | wc -l)" 1
  is_berth || return 0
  equals "$(sort "$LXCPATH/$NAME/config")" "$before"
  equals "$(ls -A "$LXCPATH/$NAME" | tr '\n' ' ')" "$NAME.log config rootfs snaps "
  start_container
  exits 1 snapshot -r snap0
  contains "$output" "RUNNING"
  exits 1 snapshot
  contains "$output" "RUNNING"
  lxc-stop "${P[@]}" "${N[@]}" -k
}

@test "restored under another name: a container of its own" {
  plain_container
  snapshot
  snapshot -r snap0 -N "${NAME}n"
  snapshot -r snap0 "${NAME}p"
  contains "$(cat "$LXCPATH/${NAME}n/config")" "lxc.uts.name = ${NAME}n"
  lxc-destroy "${P[@]}" "${N[@]}" -s
  start_container "${NAME}n"
  lxc-stop "${P[@]}" -n "${NAME}n" -k
  exits 1 lxc-snapshot "${P[@]}" -n "${NAME}n" -r snap0
  equals "$(state "${NAME}n")" STOPPED
}

@test "a snapshot that is not there, and other slips, cost nothing" {
  only_berth "LXC destroyed the container"
  plain_container
  snapshot
  exits 1 snapshot -r snap9
  contains "$output" "there is no snapshot 'snap9'"
  contains "$output" "there are: snap0"
  exits 1 snapshot -d snap9
  exits 1 snapshot -d A
  exits 1 snapshot -d ../..
  exits 1 snapshot -c /no/such/file
  exits 1 snapshot -L -d snap0
  exits 1 lxc-snapshot "${P[@]}" -n nobody
  contains "$output" "no such container"
  [ -e "$(root)/sbin/testinit" ]
  equals "$(snapshot -L | wc -l)" 1
}

@test "a restore that runs into a full disk leaves the container as it was" {
  only_root
  only_berth
  mkdir "$LXCPATH/.small"
  mount -t tmpfs -o size=8m tmpfs "$LXCPATH/.small"
  mkdir -p "$LXCPATH/.small/$NAME/rootfs"
  printf 'lxc.rootfs.path = dir:%s\nlxc.net.0.type = empty\n' "$LXCPATH/.small/$NAME/rootfs" >"$LXCPATH/.small/$NAME/config"
  head -c 3M /dev/urandom >"$LXCPATH/.small/$NAME/rootfs/data"
  lxc-snapshot -P "$LXCPATH/.small" "${N[@]}"
  echo changed >"$LXCPATH/.small/$NAME/rootfs/new"
  exits 1 lxc-snapshot -P "$LXCPATH/.small" "${N[@]}" -r snap0
  new=$(cat "$LXCPATH/.small/$NAME/rootfs/new")
  files=$(ls -A "$LXCPATH/.small/$NAME" | tr '\n' ' ')
  rm "$LXCPATH/.small/$NAME/rootfs/data"
  lxc-snapshot -P "$LXCPATH/.small" "${N[@]}" -r snap0
  restored=$(ls "$LXCPATH/.small/$NAME/rootfs")
  umount "$LXCPATH/.small"
  contains "$output" "No space left on device"
  equals "$new" changed
  equals "$files" "config rootfs snaps "
  equals "$restored" data
}

@test "a restore that fails while things change places is taken back; what can't be is kept" {
  only_berth
  only_root
  plain_container
  echo old >"$LXCPATH/$NAME/fstab"
  echo "lxc.mount.fstab = $LXCPATH/$NAME/fstab" >>"$LXCPATH/$NAME/config"
  snapshot
  echo mine >"$(root)/mine"
  chattr +i "$LXCPATH/$NAME/config" # changes places last
  exits 1 snapshot -r snap0
  chattr -i "$LXCPATH/$NAME/config"
  equals "$(cat "$(root)/mine")" mine
  [ ! -e "$LXCPATH/$NAME/restoring/exchanging" ]
  mkdir -p "$LXCPATH/$NAME/restoring"
  touch "$LXCPATH/$NAME/restoring/exchanging"
  exits 1 snapshot -r snap0
  contains "$output" "$LXCPATH/$NAME/restoring/exchanging is damaged"
  rm -r "$LXCPATH/$NAME/restoring"
  snapshot -r snap0
  [ ! -e "$(root)/mine" ] && [ ! -e "$LXCPATH/$NAME/restoring" ]
}

@test "killed in the middle of a restore: the old container is whole; the next restore cleans up" {
  only_berth
  plain_container
  head -c 400M /dev/zero >"$(root)/large"
  snapshot
  echo mine >"$(root)/large"
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0 3>&- &
  pid=$!
  until [ -e "$LXCPATH/$NAME/restoring/$NAME/rootfs/large" ]; do kill -0 "$pid"; done
  kill -9 "$pid"
  wait "$pid" || true
  equals "$(cat "$(root)/large")" mine
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -k
  snapshot -r snap0
  equals "$(stat -c %s "$(root)/large")" $((400 << 20))
  [ ! -e "$LXCPATH/$NAME/restoring" ]
}

@test "destroy and rename refuse while there are snapshots; -s removes them too" {
  plain_container
  snapshot
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -R -N other
  [ -e "$(root)/sbin/testinit" ]
  lxc-destroy "${P[@]}" "${N[@]}" -s
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "destroy refuses while LXC's clones need the storage, and tells a source when a clone goes" {
  only_berth
  plain_container
  plain_container "${NAME}c"
  printf '%s\n%s\n' "$LXCPATH" "${NAME}c" >"$LXCPATH/$NAME/lxc_snapshots"
  printf '%s\n%s\n' "$LXCPATH" "$NAME" >"$LXCPATH/${NAME}c/lxc_rdepends"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "$LXCPATH/${NAME}c"
  exits 1 lxc-copy "${P[@]}" "${N[@]}" -R -N other
  exits 1 snapshot -r snap0
  lxc-destroy "${P[@]}" -n "${NAME}c"
  [ ! -e "$LXCPATH/$NAME/lxc_snapshots" ]
  lxc-destroy "${P[@]}" "${N[@]}"
}

@test "a restore in place tells that it removes the old root" {
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}"
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0 --progress json 2>"$LXCPATH/.progress"
  contains "$(grep '"begin"' "$LXCPATH/.progress" | tail -1)" "removing the old root file system"
  contains "$(grep '"end"' "$LXCPATH/.progress" | tail -1)" "removing the old root file system"
}

@test "a root that is to be kept is not replaced by a snapshot; one beside it is restored" {
  only_berth "replaces it"
  make_container <<<"lxc.rootfs.managed = 0"
  snapshot
  touch "$(root)/mine"
  before=$(cat "$LXCPATH/$NAME/config")
  exits 1 snapshot -r snap0
  contains "$output" "lxc.rootfs.managed = 0"
  contains "$output" "--newname"
  [ -e "$(root)/mine" ] && [ ! -e "$LXCPATH/$NAME/restoring" ]
  equals "$(cat "$LXCPATH/$NAME/config")" "$before"
  snapshot -r snap0 -N "${NAME}n"
  [ ! -e "$LXCPATH/${NAME}n/rootfs/mine" ]
}

@test "a copy that comes to need the root while a restore waits, or works, is not robbed of it" {
  only_berth
  only_root
  make_container <<<"lxc.hook.clone = $LXCPATH/.hook"
  printf '#!/bin/sh\n[ ! -e %s/.late ] || printf "%s\\nclone\\n" >%s/lxc_snapshots\n' "$LXCPATH" "$LXCPATH" "$LXCPATH/$NAME" >"$LXCPATH/.hook"
  chmod 755 "$LXCPATH/.hook"
  snapshot
  touch "$(root)/mine"
  # The restore waits for the container's lock when the copy writes itself into the list.
  mkdir -p "/run/lxc/lock$LXCPATH"
  python3 - "/run/lxc/lock$LXCPATH/.$NAME" "$LXCPATH" "$NAME" >"$LXCPATH/.told" <<'HOLDER'
import fcntl, os, struct, subprocess, sys, time
lock, lxcpath, name = sys.argv[1:]
held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
fcntl.fcntl(held, 37, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
restore = subprocess.Popen(["lxc-snapshot", "-P", lxcpath, "-n", name, "-r", "snap0"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
for _ in range(200):
    if any("->" in line and f" {os.stat(lock).st_ino} " in line.replace(":", " ") for line in open("/proc/locks")):
        break
    time.sleep(0.05)
assert restore.poll() is None
with open(f"{lxcpath}/{name}/lxc_snapshots", "w") as clones:
    clones.write(f"{lxcpath}\nclone\n")
os.close(held)
print(restore.communicate()[0], restore.returncode)
HOLDER
  contains "$(cat "$LXCPATH/.told")" "clones depend on this container"
  [ -e "$(root)/mine" ] && [ ! -e "$LXCPATH/$NAME/restoring" ]
  # It does not hold the container, only the snapshot, and comes when the restore has copied.
  rm "$LXCPATH/$NAME/lxc_snapshots"
  touch "$LXCPATH/.late"
  exits 1 snapshot -r snap0
  contains "$output" "clones depend on this container"
  contains "$output" "-N NEWNAME"
  lacks "$output" "--clones"
  [ -e "$(root)/mine" ] && [ ! -e "$LXCPATH/$NAME/restoring" ]
  rm "$LXCPATH/$NAME/lxc_snapshots" "$LXCPATH/.late"
  snapshot -r snap0
  [ ! -e "$(root)/mine" ]
}

@test "what a rename that was killed has prepared is no part of a restore" {
  only_berth
  plain_container
  snapshot
  printf 'lxc.uts.name = other\n' >"$LXCPATH/$NAME/config.renamed"
  echo other >"$LXCPATH/$NAME/renamed-from"
  ln -s other "$LXCPATH/$NAME/renamed-to"
  snapshot -r snap0
  contains "$(cat "$LXCPATH/$NAME/config")" "lxc.rootfs.path"
  equals "$(ls -A "$LXCPATH/$NAME" | tr '\n' ' ')" "config rootfs snaps "
}
