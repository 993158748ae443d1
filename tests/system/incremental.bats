# Incremental archives: chains of them on btrfs and zfs, in and out of order, damaged, killed.
load lib

setup_file() { only_berth "berth's own" && only_root; }

# Two file systems of btrfs: $A and $B, which are container paths.
two_file_systems() {
  command -v mkfs.btrfs >/dev/null && grep -qw btrfs /proc/filesystems && losetup -f >/dev/null 2>&1 ||
    skip "no btrfs on a loop device here"
  local one
  for one in A B; do
    truncate -s 400M "$LXCPATH/disk$one"
    mkfs.btrfs -q "$LXCPATH/disk$one" >/dev/null 2>&1
    mkdir "$LXCPATH/btrfs$one"
    mount -o loop "$LXCPATH/disk$one" "$LXCPATH/btrfs$one"
  done
  A=$LXCPATH/btrfsA B=$LXCPATH/btrfsB
}

eval "lib_$(declare -f teardown)"
teardown() {
  local one
  for one in A B; do
    [ ! -d "$LXCPATH/btrfs$one/$NAME" ] || timeout 60 lxc-destroy -f -P "$LXCPATH/btrfs$one" -n "$NAME" || true
    umount -l "$LXCPATH/btrfs$one" 2>/dev/null || true
  done
  lib_teardown
}

# A container of the type TYPE in $A, and a few MB that don't compress.
source_container() {
  plain_container
  berth export "${P[@]}" "$NAME" - | berth import -P "$A" -B btrfs - "$NAME" --keepname
  R=$A/$NAME/rootfs
  head -c 6M /dev/urandom >"$R/big"
  btrfs -q subvolume create "$R/volume"
  echo inner >"$R/volume/file"
}

change() {
  "$REPO/tests/system/make-odd-tree" "$R/odd$1" 2>/dev/null
  rm -rf "$R/odd$1/deep" # longer paths than btrfs sends
  chattr -R -i -a "$R/odd$1" 2>/dev/null || true
  echo "$1" >"$R/state"
  echo "$1" >>"$R/volume/file"
  rm -rf "$R/gone"
  [ "$1" = 1 ] || mv "$R/odd$(($1 - 1))" "$R/moved$1"
  dd if=/dev/urandom of="$R/big" bs=64k count=1 seek="$1" conv=notrunc status=none
}

# btrfs sends no flags of chattr.
manifest_of() { "$REPO/tests/system/manifest" --ignore-top-times "$1" | sed 's/ flags=[A-Za-z]*//'; }
inc() { berth export -P "$A" -i "$NAME" "$LXCPATH/$1"; }
take() { berth import -P "$B" -i "$LXCPATH/$1" "${@:2}"; }
subvolumes() { btrfs subvolume list "$1" | wc -l; }

# refuses_options COMMAND...: an import that is applied to $NAME in $B. What has no meaning then is not passed over.
refuses_options() {
  local before option
  before=$(manifest_of "$B/$NAME/rootfs")
  for option in "--zfsroot tank/a" "--fssize 1G" "--fstype ext4" "--dir $LXCPATH/elsewhere" --keepname --keepmac "--vgname x"; do
    # shellcheck disable=SC2086
    run -1 "$@" $option
    contains "$output" "${option%% *} can't be used with an archive that is applied to a container"
  done
  run -1 "$@" --fssize 1G --lvname x
  contains "$output" "--lvname, --fssize can't be used"
  contains "$output" "berth storage resize -P '$B' $NAME SIZE"
  equals "$(manifest_of "$B/$NAME/rootfs")" "$before"
  [ ! -e "$LXCPATH/elsewhere" ]
}

@test "btrfs: a chain of archives brings the same container, and no other order does" {
  two_file_systems
  source_container
  local i
  run -0 inc 0.tar.zst
  contains "$output" "archive is whole"
  manifest_of "$R" >"$LXCPATH/0"
  for i in 1 2 3; do
    change "$i"
    manifest_of "$R" >"$LXCPATH/$i"
    run -0 inc "$i.tar.zst"
    contains "$output" "brings the state"
  done
  [ "$(stat -c %s "$LXCPATH/3.tar.zst")" -lt $((3 << 20)) ]
  [ ! -e "$A/$NAME/exporting" ]
  run -1 take 1.tar.zst
  contains "$output" "there is no container $NAME"
  [ ! -e "$B/$NAME" ]
  run -1 berth import -P "$B" "$LXCPATH/0.tar.zst"
  contains "$output" "--incremental"
  take 0.tar.zst
  diff "$LXCPATH/0" <(manifest_of "$B/$NAME/rootfs")
  run -1 take 2.tar.zst
  contains "$output" "does not follow"
  diff "$LXCPATH/0" <(manifest_of "$B/$NAME/rootfs")
  run -1 berth import -P "$B" "$LXCPATH/1.tar.zst"
  contains "$output" "--incremental"
  refuses_options take 1.tar.zst
  run -0 take 1.tar.zst
  contains "$output" "$B/$NAME/imported"
  diff "$A/$NAME/config" "$B/$NAME/imported/config"
  diff "$LXCPATH/1" <(manifest_of "$B/$NAME/rootfs")
  run -1 take 1.tar.zst
  contains "$output" "does not follow"
  echo local >"$B/$NAME/rootfs/local" # which goes
  run -0 take 2.tar.zst
  lacks "$output" imported
  take 3.tar.zst
  diff "$LXCPATH/3" <(manifest_of "$B/$NAME/rootfs")
  [ ! -e "$B/$NAME/restoring" ]
  equals "$(subvolumes "$B")" 4 # the root, what is in it, and the same of the state
  equals "$(subvolumes "$A")" 4
  lxc-start -P "$B" "${N[@]}" 3>&-
  lxc-wait -P "$B" "${N[@]}" -s RUNNING -t 20
  equals "$(lxc-attach -P "$B" "${N[@]}" -- cat /state)" 3
  change 4
  inc 4.tar.zst
  run -1 take 4.tar.zst # it runs
  contains "$output" "RUNNING"
  lxc-stop -P "$B" "${N[@]}" -k
  take 4.tar.zst
  equals "$(cat "$B/$NAME/rootfs/state")" 4
  # Also after the source went back to a snapshot.
  lxc-snapshot -P "$A" "${N[@]}"
  change 5
  inc 5.tar.zst
  take 5.tar.zst
  lxc-snapshot -P "$A" "${N[@]}" -r snap0
  inc 6.tar.zst
  take 6.tar.zst
  diff <(manifest_of "$R") <(manifest_of "$B/$NAME/rootfs")
  lxc-snapshot -P "$A" "${N[@]}" -d ALL
  # And back: what was the copy sends its changes home.
  echo back >"$B/$NAME/rootfs/state"
  berth export -P "$B" -i "$NAME" - | berth import -P "$A" -i -
  equals "$(cat "$R/state")" back
  diff <(manifest_of "$R") <(manifest_of "$B/$NAME/rootfs")
  lxc-destroy -P "$A" "${N[@]}"
  lxc-destroy -P "$B" "${N[@]}"
  equals "$(subvolumes "$A")" 0
  equals "$(subvolumes "$B")" 0
  [ ! -e "$A/$NAME" ] && [ ! -e "$B/$NAME" ]
}

@test "btrfs: a link is lost: what each export says, and a whole archive in the place of what the copy has" {
  two_file_systems
  source_container
  inc 0.tar
  take 0.tar
  manifest_of "$B/$NAME/rootfs" >"$LXCPATH/old"
  change 1
  local state
  state=$(berth storage shared -P "$B" "$NAME" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["state"])')
  # It goes to a pipe, and nobody imports it.
  run -0 bash -c 'berth export -P "$1" -i "$2" - >"$3"' - "$A" "$NAME" "$LXCPATH/lost.tar"
  contains "$output" "brings the state $state to the state $(berth storage shared -P "$A" "$NAME" --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["state"])')"
  change 2
  inc 2.tar
  run -1 take 2.tar
  contains "$output" "does not follow"
  contains "$output" "--replace"
  run -0 berth export -P "$A" -i --full "$NAME" "$LXCPATH/2f.tar"
  contains "$output" "is whole; it makes the state"
  run -1 take 2f.tar
  contains "$output" "exists already"
  contains "$output" "--replace"
  run -1 berth import -P "$B" --replace "$LXCPATH/2f.tar"
  contains "$output" "--incremental"
  run -1 berth import -P "$B" -i --replace --max-size 1G "$LXCPATH/2f.tar"
  contains "$output" "--max-size"
  refuses_options take 2f.tar --replace
  # One that makes a container takes them.
  berth import -P "$B" -i "$LXCPATH/2f.tar" sized --fssize 200M --keepname
  contains "$(berth storage usage -P "$B" sized)" " 200 MiB"
  lxc-destroy -P "$B" -n sized
  run -1 berth import -P "$B" -i --max-size 1G "$LXCPATH/2f.tar" other
  contains "$output" "--max-size"
  [ ! -e "$B/other" ]
  local at size
  size=$(stat -c %s "$LXCPATH/2f.tar")
  for at in 700 5000 $((size / 2)) $((size - 3000)) $((size - 1600)); do
    head -c "$at" "$LXCPATH/2f.tar" >"$LXCPATH/cut"
    run -1 berth import -P "$B" -i --replace "$LXCPATH/cut" "$NAME"
    [ ! -e "$B/$NAME/restoring" ]
  done
  # Killed while it receives.
  mkfifo "$LXCPATH/fifo"
  { head -c $((size - 100000)) "$LXCPATH/2f.tar"; exec sleep 60; } >"$LXCPATH/fifo" 3>&- &
  local feeder=$! importer i
  berth import -P "$B" -i --replace "$LXCPATH/fifo" 3>&- &
  importer=$!
  for ((i = 0; i < 200; i++)); do [ ! -e "$B/$NAME/restoring/new/send/rootfs.new/0/big" ] || break; sleep 0.05; done
  kill -KILL "$importer" "$feeder"
  wait "$importer" "$feeder" || true
  [ -e "$B/$NAME/restoring" ]
  diff "$LXCPATH/old" <(manifest_of "$B/$NAME/rootfs")
  equals "$(berth storage shared -P "$B" "$NAME" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["state"])')" "$state"
  lxc-snapshot -P "$B" "${N[@]}"
  run -0 berth import -P "$B" -i --replace "$LXCPATH/2f.tar"
  diff <(manifest_of "$R") <(manifest_of "$B/$NAME/rootfs")
  [ ! -e "$B/$NAME/restoring" ]
  diff "$LXCPATH/old" <(manifest_of "$B/$NAME/snaps/snap0/rootfs")
  lxc-snapshot -P "$B" "${N[@]}" -d ALL
  equals "$(subvolumes "$B")" 4
  change 3
  berth export -P "$A" -i "$NAME" - | berth import -P "$B" -i -
  diff <(manifest_of "$R") <(manifest_of "$B/$NAME/rootfs")
  # Where there is none yet it makes one; what is of another kind stays.
  berth import -P "$B" -i --replace "$LXCPATH/2f.tar" other
  lxc-destroy -P "$B" -n other
  manifest_of "$ROOT" >"$LXCPATH/plain"
  run -1 berth import "${P[@]}" -i --replace "$LXCPATH/2f.tar"
  contains "$output" "of type 'dir'"
  diff "$LXCPATH/plain" <(manifest_of "$ROOT")
}

@test "btrfs: a difference takes no archive's place; an import takes no directory's that is not its own" {
  two_file_systems
  source_container
  inc 0.tar
  change 1
  cp "$LXCPATH/0.tar" "$LXCPATH/kept"
  run -1 berth export -P "$A" -i --force "$NAME" "$LXCPATH/0.tar"
  contains "$output" "--full"
  cmp "$LXCPATH/0.tar" "$LXCPATH/kept"
  [ ! -e "$LXCPATH/0.tar.partial" ]
  run -0 berth export -P "$A" -i --force "$NAME" "$LXCPATH/1.tar" # which is new
  run -1 inc 1.tar
  contains "$output" "--full and --force"
  take 0.tar
  mkdir "$B/$NAME/imported"
  echo mine >"$B/$NAME/imported/file"
  manifest_of "$B/$NAME/rootfs" >"$LXCPATH/old"
  run -1 take 1.tar
  contains "$output" "$B/$NAME/imported is in the way"
  equals "$(cat "$B/$NAME/imported/file")" mine
  diff "$LXCPATH/old" <(manifest_of "$B/$NAME/rootfs")
  [ ! -e "$B/$NAME/restoring" ]
  mv "$B/$NAME/imported" "$B/$NAME/own"
  take 1.tar
  diff <(manifest_of "$R") <(manifest_of "$B/$NAME/rootfs")
  change 2
  inc 2.tar
  take 2.tar
  diff "$A/$NAME/config" "$B/$NAME/imported/config"
  run -0 berth export -P "$A" -i --force --full "$NAME" "$LXCPATH/0.tar"
  berth import -P "$B" -i "$LXCPATH/0.tar" other
  lxc-destroy -P "$B" -n other
}

@test "btrfs: an increment that was cut or changed anywhere leaves the container as it was" {
  two_file_systems
  source_container
  inc 0.tar
  change 1
  inc 1.tar
  take 0.tar
  manifest_of "$B/$NAME/rootfs" >"$LXCPATH/before"
  local size at
  # Of a whole one nothing is left, whether its stream ended or not.
  size=$(stat -c %s "$LXCPATH/0.tar")
  for at in 5000 $((size / 2)) $((size - 3000)) $((size - 2600)); do
    head -c "$at" "$LXCPATH/0.tar" >"$LXCPATH/cut"
    run -1 berth import -P "$B" -i "$LXCPATH/cut" other
    [ ! -e "$B/other" ]
    { head -c "$at" "$LXCPATH/0.tar"; printf '\377\001'; tail -c +$((at + 3)) "$LXCPATH/0.tar"; } >"$LXCPATH/flipped"
    run -1 berth import -P "$B" -i "$LXCPATH/flipped" other
    [ ! -e "$B/other" ]
  done
  equals "$(subvolumes "$B")" 4
  size=$(stat -c %s "$LXCPATH/1.tar")
  for at in 0 700 $((size / 3)) $((size - 3000)) $((size - 1600)); do
    head -c "$at" "$LXCPATH/1.tar" >"$LXCPATH/cut"
    run -1 take cut
    diff "$LXCPATH/before" <(manifest_of "$B/$NAME/rootfs")
    [ ! -e "$B/$NAME/restoring" ]
  done
  # From the manifest to the checksum.
  for at in 3000 5000 $((size / 3)) $((size / 2)) $((size - 12000)) $((size - 2600)); do
    python3 - "$LXCPATH/1.tar" "$LXCPATH/flipped" "$at" <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[3])] ^= 0x10
open(sys.argv[2], "wb").write(data)
PYTHON
    run -1 take flipped
    diff "$LXCPATH/before" <(manifest_of "$B/$NAME/rootfs")
    [ ! -e "$B/$NAME/restoring" ]
  done
  equals "$(subvolumes "$B")" 4
  take 1.tar
  diff <(manifest_of "$R") <(manifest_of "$B/$NAME/rootfs")
}

@test "btrfs: an export that fails or is killed is not where the next one starts" {
  two_file_systems
  source_container
  inc 0.tar.zst
  local state i
  state=$(berth storage shared -P "$A" "$NAME" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["state"])')
  contains "$(berth storage shared -P "$A")" "$state"
  change 1
  run -1 bash -c 'berth export -P "$1" -i "$2" - >/dev/full' - "$A" "$NAME"
  contains "$(berth storage shared -P "$A")" "$state"
  [ ! -e "$A/$NAME/exporting" ]
  head -c 30M /dev/urandom >"$R/more"
  for i in 1 2 3; do
    berth export -P "$A" -i "$NAME" "$LXCPATH/lost.tar.xz" &
    local pid=$!
    for ((j = 0; j < 200; j++)); do [ ! -s "$LXCPATH/lost.tar.xz.partial" ] || break; sleep 0.05; done
    sleep "0.$((RANDOM % 4))"
    kill -KILL "$pid"
    wait "$pid" || true
    sleep 0.5 # until its helpers have gone too
    [ ! -e "$LXCPATH/lost.tar.xz" ]
    contains "$(berth storage shared -P "$A")" "$state"
  done
  [ -e "$A/$NAME/exporting" ]
  run berth doctor -P "$A" "$NAME"
  contains "$output" "an export that was killed"
  run -0 berth doctor -P "$A" "$NAME" --repair
  [ ! -e "$A/$NAME/exporting" ]
  equals "$(subvolumes "$A")" 4
  inc 1.tar.zst
  take 0.tar.zst
  take 1.tar.zst
  diff <(manifest_of "$R") <(manifest_of "$B/$NAME/rootfs")
  berth storage forget -P "$A" "$NAME"
  equals "$(subvolumes "$A")" 2
  run -0 inc 2.tar.zst
  contains "$output" "archive is whole"
}

@test "btrfs: a running container is sent as it was at one moment; an import that is killed leaves the old state or the new" {
  two_file_systems
  source_container
  inc 0.tar.zst
  take 0.tar.zst
  manifest_of "$B/$NAME/rootfs" >"$LXCPATH/old"
  lxc-start -P "$A" "${N[@]}" 3>&-
  lxc-wait -P "$A" "${N[@]}" -s RUNNING -t 20
  change 1
  head -c 30M /dev/urandom >"$R/more"
  inc 1.tar.zst
  equals "$(lxc-info -P "$A" "${N[@]}" -sH)" RUNNING
  run -1 berth export -P "$A" -i --freeze "$NAME" "$LXCPATH/no"
  lxc-stop -P "$A" "${N[@]}" -k
  local i pid new=0
  berth import -P "$B" -i "$LXCPATH/0.tar.zst" other --keepname
  berth import -P "$B" -i "$LXCPATH/1.tar.zst" other
  manifest_of "$B/other/rootfs" >"$LXCPATH/new"
  for ((i = 0; i < 14; i++)); do
    berth import -P "$B" -i "$LXCPATH/1.tar.zst" &
    pid=$!
    sleep "0.$(printf %02d $((RANDOM % 70)))"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" || true
    if diff -q "$LXCPATH/new" <(manifest_of "$B/$NAME/rootfs") >/dev/null; then
      new=1
    else
      [ "$new" = 0 ] || fail "the old state came back"
      # Between the two moves the root is absent; whatever comes next ends that.
      [ -e "$B/$NAME/rootfs" ] || { run -0 berth doctor -P "$B" "$NAME" --repair; continue; }
      diff "$LXCPATH/old" <(manifest_of "$B/$NAME/rootfs")
    fi
  done
  berth doctor -P "$B" "$NAME" --repair
  [ "$new" = 1 ] || diff -q "$LXCPATH/new" <(manifest_of "$B/$NAME/rootfs") >/dev/null || take 1.tar.zst
  diff "$LXCPATH/new" <(manifest_of "$B/$NAME/rootfs")
  [ ! -e "$B/$NAME/restoring" ]
  lxc-destroy -P "$B" -n other
  lxc-destroy -P "$B" "${N[@]}"
  equals "$(subvolumes "$B")" 0
}

@test "storage that can't tell what has changed" {
  plain_container
  run -1 berth export "${P[@]}" -i "$NAME" "$LXCPATH/a.tar.zst"
  contains "$output" "btrfs and zfs can"
  [ ! -e "$LXCPATH/a.tar.zst" ] && [ ! -e "$LXCPATH/a.tar.zst.partial" ]
  run -1 berth export "${P[@]}" --full "$NAME" "$LXCPATH/a.tar.zst"
  contains "$output" "--incremental"
  run -1 berth storage forget "${P[@]}" "$NAME"
  equals "$(berth storage shared "${P[@]}" --json)" "[]"
}

# zfs-fuse has one socket, one lock and one list of pools per host: all in a mount namespace with its own.
zfs_chain() {
  set -e
  local i
  mount -t tmpfs run /run
  mount -t tmpfs zfs /var/lib/zfs
  mkdir /run/lock
  zfs-fuse --no-daemon --no-kstat-mount </dev/null >/dev/null 2>&1 3>&- &
  DAEMON=$!
  trap 'zpool destroy -f tank >/dev/null 2>&1 || true; kill -KILL $DAEMON' EXIT
  for ((i = 0; i < 200; i++)); do [ ! -S /run/zfs/zfs_socket ] || break; sleep 0.1; done
  truncate -s 300M "$LXCPATH/pool"
  zpool create -m none tank "$LXCPATH/pool"
  mkdir "$LXCPATH/a" "$LXCPATH/b" "$LXCPATH/root"
  berth export "${P[@]}" "$NAME" - | berth import -P "$LXCPATH/a" -B zfs --zfsroot tank/a - "$NAME" --keepname
  on_root() { # DATASET COMMAND...
    local tries=0
    zfs set mountpoint="$LXCPATH/root" "$1"
    until zfs mount "$1" 2>/dev/null || mountpoint -q "$LXCPATH/root"; do ((tries++ < 100)); sleep 0.1; done
    mountpoint -q "$LXCPATH/root"
    "${@:2}"
    until zfs unmount "$1" 2>/dev/null; do ((tries++ < 100)); sleep 0.1; done
  }
  fill() { echo "$1" >"$LXCPATH/root/state" && head -c 1M /dev/urandom >"$LXCPATH/root/more$1" && rm -f "$LXCPATH/root/more$(($1 - 1))"; }
  sum() { on_root "$1" "$REPO/tests/system/manifest" --ignore-top-times "$LXCPATH/root"; }
  inc() { berth export -P "$LXCPATH/a" -i "$NAME" "$LXCPATH/$1"; }
  take() { berth import -P "$LXCPATH/b" -i "$LXCPATH/$1" "${@:2}"; }
  refuse() { ! take "$@" >"$LXCPATH/refusal" 2>&1 || { echo "$1 was taken"; exit 1; }; }
  for i in 0 1 2 3; do
    on_root "tank/a/$NAME" fill "$i"
    sum "tank/a/$NAME" >"$LXCPATH/$i"
    inc "$i.tar"
  done
  [ "$(stat -c %s "$LXCPATH/3.tar")" -lt $((2 << 20)) ]
  take 0.tar --zfsroot tank/b --fssize 100M
  [ "$(zfs get -H -o value refquota "tank/b/$NAME")" = 100M ]
  at_home() { [ "$(zfs get -H -o value mountpoint "tank/b/$NAME")" = "$LXCPATH/b/$NAME/rootfs" ]; }
  at_home
  diff "$LXCPATH/0" <(sum "tank/b/$NAME")
  refuse 2.tar
  grep -q "does not follow" "$LXCPATH/refusal"
  refuse 1.tar --zfsroot tank/c
  grep -q -e "--zfsroot can't be used" "$LXCPATH/refusal"
  local size at
  size=$(stat -c %s "$LXCPATH/1.tar")
  for at in 700 $((size / 2)) $((size - 3000)) $((size - 1600)); do
    head -c "$at" "$LXCPATH/1.tar" >"$LXCPATH/cut"
    refuse cut
  done
  for at in 5000 $((size / 2)) $((size - 2600)); do
    { head -c "$at" "$LXCPATH/1.tar"; printf '\377\001'; tail -c +$((at + 3)) "$LXCPATH/1.tar"; } >"$LXCPATH/flipped"
    refuse flipped
  done
  diff "$LXCPATH/0" <(sum "tank/b/$NAME")
  # Killed, it is the old one or the new one.
  local pid
  for ((i = 0; i < 4; i++)); do
    berth import -P "$LXCPATH/b" -i "$LXCPATH/1.tar" >/dev/null 2>&1 &
    pid=$!
    sleep "0.$((RANDOM % 10))"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    sleep 1
    berth doctor -P "$LXCPATH/b" "$NAME" --repair >"$LXCPATH/doctor" 2>&1 || true
    sum "tank/b/$NAME" >"$LXCPATH/now"
    cmp -s "$LXCPATH/0" "$LXCPATH/now" || { diff "$LXCPATH/1" "$LXCPATH/now"; break; }
  done
  cmp -s "$LXCPATH/1" "$LXCPATH/now" || take 1.tar
  diff "$LXCPATH/1" <(sum "tank/b/$NAME")
  # Killed when the state is the new root's already: nothing but the same import is needed.
  local feeder
  mkfifo "$LXCPATH/fifo"
  { head -c $(($(stat -c %s "$LXCPATH/2.tar") - 50000)) "$LXCPATH/2.tar"; exec sleep 60; } >"$LXCPATH/fifo" &
  feeder=$!
  berth import -P "$LXCPATH/b" -i "$LXCPATH/fifo" & # itself, not a shell of it, is killed
  pid=$!
  for ((i = 0; i < 100; i++)); do [[ "$(zfs get -H -o value origin "tank/b/$NAME")" != *-restoring@* ]] || break; sleep 0.1; done
  kill -KILL "$pid" "$feeder"
  wait "$pid" "$feeder" || true
  [[ "$(zfs get -H -o value origin "tank/b/$NAME")" = *-restoring@* ]]
  sleep 1
  take 2.tar
  take 3.tar
  at_home
  diff "$LXCPATH/3" <(sum "tank/b/$NAME")
  # A whole one in its place, and one that follows on that.
  lxc-snapshot -P "$LXCPATH/b" -n "$NAME"
  on_root "tank/a/$NAME" fill 4
  sum "tank/a/$NAME" >"$LXCPATH/4"
  berth export -P "$LXCPATH/a" -i --full "$NAME" "$LXCPATH/4.tar"
  refuse 4.tar --zfsroot tank/b
  grep -q "add --replace" "$LXCPATH/refusal"
  take 4.tar --replace
  at_home
  diff "$LXCPATH/4" <(sum "tank/b/$NAME")
  lxc-snapshot -P "$LXCPATH/b" -n "$NAME" -r snap0 -N back
  lxc-snapshot -P "$LXCPATH/b" -n "$NAME" -d ALL
  diff <(grep -v ^etc/hostname "$LXCPATH/3") <(sum tank/b/back | grep -v ^etc/hostname)
  lxc-destroy -P "$LXCPATH/b" -n back
  on_root "tank/a/$NAME" fill 5
  sum "tank/a/$NAME" >"$LXCPATH/5"
  inc 5.tar
  take 5.tar
  diff "$LXCPATH/5" <(sum "tank/b/$NAME")
  [ "$(zfs list -H -t snapshot -o name -r tank | wc -l)" = 2 ] || { zfs list -t snapshot; exit 1; }
  berth storage shared -P "$LXCPATH/b" | grep -q zfs
  berth storage forget -P "$LXCPATH/a" "$NAME"
  lxc-destroy -P "$LXCPATH/b" -n "$NAME"
  lxc-destroy -P "$LXCPATH/a" -n "$NAME"
  zfs list -H -t all -o name
  [ "$(zfs list -H -t all -o name -r tank | sort | tr '\n' ' ')" = "tank tank/a tank/b " ]
}

@test "zfs: a chain of archives; damaged, in another order, killed" {
  [ -x /usr/sbin/zfs-fuse ] && [ -e /dev/fuse ] || skip "zfs-fuse is not installed, or there is no FUSE"
  plain_container
  export -f zfs_chain
  export REPO LXCPATH NAME BERTH_BIN
  run timeout -k 5 300 unshare -m --propagation private bash -c "$(declare -p P); set -x; zfs_chain"
  [ "$status" = 0 ] || fail "$(tail -n 30 <<<"$output")"
}
