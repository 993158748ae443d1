# Containers into archives and back: whole, damaged, hostile, running, cut short.
load lib

setup_file() { only_berth "berth's own" && only_root; }

# A stopped container whose root holds everything that a copy can get wrong, with files of its own beside it.
odd_container() {
  make_container <<CONFIG
lxc.mount.fstab = $LXCPATH/$NAME/fstab
lxc.hook.pre-start = $LXCPATH/$NAME/hooks/pre start
lxc.net.1.type = empty
CONFIG
  mkdir "$LXCPATH/$NAME/hooks"
  printf '#!/bin/sh\nexit 0\n' >"$LXCPATH/$NAME/hooks/pre"
  chmod 755 "$LXCPATH/$NAME/hooks/pre"
  echo '# nothing' >"$LXCPATH/$NAME/fstab"
  "$REPO/tests/system/make-odd-tree" "$LXCPATH/$NAME/rootfs/odd" 2>/dev/null
  python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$LXCPATH/$NAME/rootfs/a.socket')"
}

manifest_of() { "$REPO/tests/system/manifest" --ignore-top-times "$LXCPATH/$1/rootfs"; }
same_roots() { diff <(manifest_of "$1") <(manifest_of "$2"); }

@test "there and back again, in every compression, under its own name and another" {
  odd_container
  local ending
  manifest_of "$NAME" >"$LXCPATH/before"
  for ending in tar.zst tar.gz tar.xz tar; do
    berth export "${P[@]}" "$NAME" "$LXCPATH/a.$ending"
    [ "$(stat -c %a "$LXCPATH/a.$ending")" = 600 ]
    # Other programs can read it.
    tar -tf "$LXCPATH/a.$ending" --force-local >/dev/null 2>&1
  done
  cp "$LXCPATH/$NAME/config" "$LXCPATH/config.before"
  chattr -R -i -a "$LXCPATH/$NAME/rootfs" 2>/dev/null || true
  lxc-destroy "${P[@]}" -n "$NAME"
  for ending in tar.zst tar.gz tar.xz tar; do
    run -0 berth import "${P[@]}" "$LXCPATH/a.$ending" "copy${ending//./}" --allow-devices --keepname
    contains "$output" "runs 1 hook"
    diff "$LXCPATH/before" <(manifest_of "copy${ending//./}")
  done
  run -0 berth import "${P[@]}" "$LXCPATH/a.tar.zst" --allow-devices
  diff "$LXCPATH/before" <(manifest_of "$NAME")
  diff "$LXCPATH/config.before" "$LXCPATH/$NAME/config"
  [ -x "$LXCPATH/$NAME/hooks/pre" ]
  equals "$(stat -c %a "$LXCPATH/$NAME")" 770
  [ ! -e "$LXCPATH/$NAME/importing" ] && [ ! -e "$LXCPATH/$NAME/partial" ]
  contains "$(cat "$LXCPATH/copytarzst/config")" "$LXCPATH/copytarzst/hooks/pre start"
  contains "$(cat "$LXCPATH/copytarzst/config")" "lxc.uts.name = $NAME"
  berth import "${P[@]}" "$LXCPATH/a.tar" other --allow-devices
  contains "$(cat "$LXCPATH/other/config")" "lxc.uts.name = other"
  run ! grep -F "$LXCPATH/$NAME/" "$LXCPATH/copytarzst/config"
  start_container
  lxc-stop "${P[@]}" -n "$NAME"
}

@test "standard output and input, and a name that is taken" {
  plain_container
  berth export "${P[@]}" "$NAME" - | berth import "${P[@]}" - "${NAME}b" --keepname
  same_roots "$NAME" "${NAME}b"
  run -1 berth import "${P[@]}" - <"$LXCPATH/$NAME/config"
  contains "$output" "archive"
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  run -1 berth import "${P[@]}" "$LXCPATH/a.tar.zst"
  contains "$output" "exists already"
  run -1 berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  contains "$output" "is there already"
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst" --force
  [ ! -e "$LXCPATH/a.tar.zst.partial" ]
  manifest_of "$NAME" >/dev/null
}

@test "an archive that was cut or changed anywhere leaves nothing" {
  plain_container
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar"
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  local kind size at
  for kind in tar tar.zst; do
    size=$(stat -c %s "$LXCPATH/a.$kind")
    for at in 0 1 700 $((size / 3)) $((size / 2)) $((size - 3000)) $((size - 1600)); do
      head -c "$at" "$LXCPATH/a.$kind" >"$LXCPATH/cut"
      run -1 berth import "${P[@]}" "$LXCPATH/cut" cut
      [ ! -e "$LXCPATH/cut/config" ] && [ ! -d "$LXCPATH/cut/rootfs" ]
    done
    for at in 20 3000 $((size / 3)) $((size / 2)) $((size - 2600)); do
      python3 - "$LXCPATH/a.$kind" "$LXCPATH/flipped" "$at" <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[3])] ^= 0x10
open(sys.argv[2], "wb").write(data)
PYTHON
      run -1 berth import "${P[@]}" "$LXCPATH/flipped" flip
      [ ! -d "$LXCPATH/flip" ]
    done
  done
}

# hostile WHAT: an archive with a right checksum and one member that must not be made.
hostile() { python3 "$REPO/tests/system/hostile-archive" "$1" "$LXCPATH/evil.tar"; }

@test "hostile archives are refused, and touch nothing" {
  local what
  mkdir "$LXCPATH/outside"
  : >"$LXCPATH/outside/victim"
  while read -r what; do
    hostile "$what" "$LXCPATH/outside"
    run berth import "${P[@]}" "$LXCPATH/evil.tar" evil
    [ "$status" = 1 ] || fail "$what: status $status: $output"
    [ ! -e "$LXCPATH/evil" ] || fail "$what left something"
    equals "$(ls -A "$LXCPATH/outside")" victim
    [ ! -s "$LXCPATH/outside/victim" ] || fail "$what wrote outside"
  done < <(python3 "$REPO/tests/system/hostile-archive" --list)
  hostile none
  berth import "${P[@]}" "$LXCPATH/evil.tar" good
  equals "$(cat "$LXCPATH/good/rootfs/file")" data
  hostile device
  berth import "${P[@]}" "$LXCPATH/evil.tar" evil --allow-devices
  [ -b "$LXCPATH/evil/rootfs/disk" ]
  hostile holes
  run -1 berth import "${P[@]}" "$LXCPATH/evil.tar" evil2 --max-size 10M
  contains "$output" "--max-size"
}

@test "hostile archives fill neither the memory nor, beyond --max-size, the disk" {
  local what
  for what in attributes many links; do
    hostile "$what"
    run -1 berth import "${P[@]}" "$LXCPATH/evil.tar" evil --max-size 200k
    contains "$output" "larger than --max-size allows"
    contains "$output" "more than 200 KiB together"
    [ ! -e "$LXCPATH/evil" ]
    berth import "${P[@]}" "$LXCPATH/evil.tar" "$what" --max-size 1M
  done
  equals "$(getfattr --only-values -n user.long "$LXCPATH/attributes/rootfs/99")" "$(printf 'x%.0s' {1..3000})"
  hostile "flags far down"
  python3 - berth import "${P[@]}" "$LXCPATH/evil.tar" deep <<'END'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.exit(f"{used} KiB of memory were taken" if used > 60000 else 0)
END
  # Every file has them: names that open(2) can't take at once.
  python3 - "$LXCPATH/deep/rootfs" <<'END'
import fcntl, os, struct, sys
os.chdir(sys.argv[1])
for _ in range(990):
    os.chdir("d")
flags = [struct.unpack("i", fcntl.ioctl(os.open(name, os.O_RDONLY), 0x80086601, b"\0" * 4))[0] for name in ("0", "1500", "2999")]
assert len(os.listdir()) == 3000 and all(one & 64 for one in flags), flags
END
}

@test "a running container is frozen for the copy, and thawed whatever becomes of it" {
  plain_container
  start_container
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  equals "$(lxc-info "${P[@]}" "${N[@]}" -sH)" RUNNING
  run -1 berth export "${P[@]}" "$NAME" "$LXCPATH/none/a.tar.zst"
  run -1 bash -c 'berth export "$@" - >/dev/full' - "${P[@]}" "$NAME"
  equals "$(lxc-info "${P[@]}" "${N[@]}" -sH)" RUNNING
  [ ! -e "$LXCPATH/$NAME/exporting" ]
  berth import "${P[@]}" "$LXCPATH/a.tar.zst" "${NAME}b"
  lxc-freeze "${P[@]}" "${N[@]}"
  berth export "${P[@]}" "$NAME" "$LXCPATH/b.tar.zst"
  equals "$(lxc-info "${P[@]}" "${N[@]}" -sH)" FROZEN
  lxc-unfreeze "${P[@]}" "${N[@]}"
}

# A root that takes a while.
big_container() {
  plain_container
  head -c 300M /dev/urandom >"$LXCPATH/$NAME/rootfs/big"
}

@test "Ctrl-C takes back what was made" {
  big_container
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.xz" --level 9 &
  local pid=$! status=0 i
  for ((i = 0; i < 100; i++)); do [ ! -s "$LXCPATH/a.tar.xz.partial" ] || break; sleep 0.05; done
  kill -TERM "$pid"
  wait "$pid" || status=$?
  equals "$status" 130
  [ ! -e "$LXCPATH/a.tar.xz" ] && [ ! -e "$LXCPATH/a.tar.xz.partial" ]
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar"
  mkfifo "$LXCPATH/slow"
  berth import "${P[@]}" "$LXCPATH/slow" "${NAME}b" &
  pid=$! status=0
  exec 7>"$LXCPATH/slow"
  head -c 100M "$LXCPATH/a.tar" >&7
  [ -d "$LXCPATH/${NAME}b" ]
  kill -TERM "$pid"
  wait "$pid" || status=$?
  exec 7>&-
  equals "$status" 130
  [ ! -e "$LXCPATH/${NAME}b" ]
  berth import "${P[@]}" "$LXCPATH/a.tar" "${NAME}b" --keepname
  same_roots "$NAME" "${NAME}b"
}

# Its standard error, or output, is a pipe that nobody reads.
unread_errors() { python3 -c 'import os, subprocess, sys
r, w = os.pipe(); os.close(r); sys.exit(subprocess.run(sys.argv[1:], stderr=w, stdin=subprocess.DEVNULL).returncode & 255)' "$@"; }
unread_output() { python3 -c 'import os, subprocess, sys
r, w = os.pipe(); os.close(r); sys.exit(subprocess.run(sys.argv[1:], stdout=w, stdin=subprocess.DEVNULL).returncode & 255)' "$@"; }

@test "who shows the progress goes away: the work is done all the same; whoever reads the archive: it is taken back" {
  plain_container
  start_container
  unread_errors berth export "${P[@]}" --progress json "$NAME" "$LXCPATH/a.tar" 3>&-
  equals "$(lxc-info "${P[@]}" "${N[@]}" -sH)" RUNNING
  [ ! -e "$LXCPATH/$NAME/exporting" ] && [ -e "$LXCPATH/a.tar" ] && [ ! -e "$LXCPATH/a.tar.partial" ]
  unread_errors berth import "${P[@]}" --progress json "$LXCPATH/a.tar" "${NAME}b" 3>&-
  [ ! -e "$LXCPATH/${NAME}b/partial" ]
  unread_errors lxc-copy "${P[@]}" --progress json -n "${NAME}b" -N "${NAME}c" 3>&-
  [ ! -e "$LXCPATH/${NAME}c/partial" ]
  exits 1 unread_output berth export "${P[@]}" "$NAME" - 3>&-
  contains "$output" "its reader went away"
  equals "$(lxc-info "${P[@]}" "${N[@]}" -sH)" RUNNING
  [ ! -e "$LXCPATH/$NAME/exporting" ]
  exits 1 unread_output lxc-copy "${P[@]}" -n "${NAME}b" -N "${NAME}e" -e 3>&-
  [ ! -e "$LXCPATH/${NAME}e" ]
}

@test "no space" {
  big_container
  mkdir "$LXCPATH/small"
  mount -t tmpfs -o size=5M none "$LXCPATH/small"
  local ending
  for ending in tar tar.gz tar.xz tar.zst; do
    run -1 berth export "${P[@]}" "$NAME" "$LXCPATH/small/a.$ending" --threads 1
    contains "$output" "cannot write $LXCPATH/small/a.$ending"
    contains "$output" "there is no room left"
    contains "$output" "make room"
    equals "$(ls -A "$LXCPATH/small")" ""
  done
  run -1 bash -c 'berth export "$@" - >/dev/full' - "${P[@]}" "$NAME"
  contains "$output" "cannot write standard output"
  run -1 bash -c 'ulimit -f 1000; berth export "$@"' - "${P[@]}" "$NAME" "$LXCPATH/limited.tar"
  [ ! -e "$LXCPATH/limited.tar" ] && [ ! -e "$LXCPATH/limited.tar.partial" ]
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar"
  run -1 berth import -P "$LXCPATH/small" "$LXCPATH/a.tar"
  equals "$(ls -A "$LXCPATH/small")" ""
  umount "$LXCPATH/small"
}

@test "what is no file is never replaced by an archive" {
  plain_container
  local place="$LXCPATH/place" what
  mkdir "$place" "$place/directory" "$place/real"
  mkfifo "$place/fifo"
  mknod "$place/device" c 1 3
  ln -s nowhere "$place/dangling"
  ln -s directory "$place/to-directory"
  ln -s fifo "$place/to-fifo"
  ls -lA "$place" >"$LXCPATH/before"
  for what in directory fifo device dangling to-directory to-fifo; do
    run -1 berth export "${P[@]}" "$NAME" "$place/$what" --force
    contains "$output" "$place/$what is "
    run -1 berth export "${P[@]}" "$NAME" "$place/$what"
  done
  ls -lA "$place" | diff "$LXCPATH/before" -
  # A link that leads to a file stays one; the file is what is replaced.
  echo old >"$place/real/a.tar"
  ln -s real/a.tar "$place/link.tar"
  run -1 berth export "${P[@]}" "$NAME" "$place/link.tar"
  equals "$(cat "$place/real/a.tar")" old
  berth export "${P[@]}" "$NAME" "$place/link.tar" --force
  [ -L "$place/link.tar" ] && [ ! -L "$place/real/a.tar" ]
  equals "$(ls -A "$place/real")" a.tar
  berth import "${P[@]}" "$place/link.tar" "${NAME}b" --keepname
  same_roots "$NAME" "${NAME}b"
  # Nor is the file written to that a link in the place of the unfinished archive leads to.
  echo precious >"$place/victim"
  ln -s victim "$place/b.tar.partial"
  run -1 berth export "${P[@]}" "$NAME" "$place/b.tar"
  equals "$(cat "$place/victim")" precious
  # To a FIFO that is meant.
  cat "$place/fifo" >"$LXCPATH/c.tar.zst" &
  berth export "${P[@]}" "$NAME" - >"$place/fifo"
  wait $!
  berth import "${P[@]}" "$LXCPATH/c.tar.zst" "${NAME}c" --keepname
  same_roots "$NAME" "${NAME}c"
}

@test "what another made in the place of the unfinished archive is neither written to nor taken away" {
  plain_container
  local file="$LXCPATH/a.tar" other
  # Its owner could read what is written to it; so could the owner of another name, and whoever has it open.
  for other in "chown 65534" "chmod 644" "ln -t $LXCPATH/$NAME/rootfs"; do
    (umask 077 && echo important >"$file.partial")
    $other "$file.partial"
    run -1 berth export "${P[@]}" "$NAME" "$file"
    contains "$output" "$file.partial is there, and no export left it"
    equals "$(cat "$file.partial")" important
    rm "$file.partial"
  done
  # Nor what an export left that was killed, before it is known that there can be another.
  (umask 077 && echo unfinished >"$file.partial")
  run -1 berth export "${P[@]}" absent "$file"
  equals "$(cat "$file.partial")" unfinished
  berth export "${P[@]}" "$NAME" "$file"
  [ ! -e "$file.partial" ]
  # Killed between the last two steps.
  ln "$file" "$file.partial"
  berth export "${P[@]}" "$NAME" "$file" --force
  [ ! -e "$file.partial" ]
  equals "$(stat -c '%a %h' "$file")" "600 1"
}

@test "an export waits for no FIFO and follows no link among the container's own files" {
  plain_container
  mkfifo "$LXCPATH/$NAME/ts"
  echo "what is $NAME-secret" >"$LXCPATH/secret"
  ln -s ../secret "$LXCPATH/$NAME/comment"
  timeout 20 berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar"
  run ! grep -aq "$NAME-secret" "$LXCPATH/a.tar"
  rm "$LXCPATH/$NAME/comment"
  echo remark >"$LXCPATH/$NAME/comment"
  berth export "${P[@]}" "$NAME" "$LXCPATH/b.tar"
  berth import "${P[@]}" "$LXCPATH/b.tar" "${NAME}b"
  equals "$(cat "$LXCPATH/${NAME}b/comment")" remark
}

@test "other programs read the archive without a complaint" {
  plain_container
  local kind
  mkdir "$LXCPATH/$NAME/rootfs/names"
  : >"$LXCPATH/$NAME/rootfs/names/plain file"
  ln "$LXCPATH/$NAME/rootfs/names/plain file" "$LXCPATH/$NAME/rootfs/names/second"
  setfattr -n user.word -v data "$LXCPATH/$NAME/rootfs/names/second"
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar"
  equals "$(tar -tf "$LXCPATH/a.tar" 2>&1 >/dev/null)" ""
  equals "$(tar -tvf "$LXCPATH/a.tar" berth-manifest.json 2>&1 | cut -c1-10)" -rw-r--r--
  # Bytes that are no ASCII come back as they were, too.
  : >"$LXCPATH/$NAME/rootfs/names/ümläut"
  : >"$LXCPATH/$NAME/rootfs/names/"$'\xff\xfe'
  ln -s $'\xff' "$LXCPATH/$NAME/rootfs/names/link"
  for kind in tar tar.zst; do
    berth export "${P[@]}" "$NAME" "$LXCPATH/b.$kind"
    berth import "${P[@]}" "$LXCPATH/b.$kind" "${NAME}${kind//./}" --keepname
    same_roots "$NAME" "${NAME}${kind//./}"
  done
}

@test "what can't be exported to or imported is said before anything is made" {
  plain_container
  mkdir "$LXCPATH/other"
  try_export() { run -1 berth export "${P[@]}" "$NAME" "$@"; }
  try_export "$LXCPATH/none/a.tar.zst"
  contains "$output" "there is no directory $LXCPATH/none"
  try_export "$LXCPATH/$NAME/config/a.tar"
  try_export "$LXCPATH/other/a.zip"
  contains "$output" "'.zip'"
  try_export "$LXCPATH/other/a.tar.gz" --compress xz
  contains "$output" "ending .gz is not that of --compress xz"
  try_export "$LXCPATH/other/a.tar.gz" --level 10
  contains "$output" "1 to 9"
  try_export "$LXCPATH/other/a.tar.zst" --level 0
  contains "$output" "1 to 22"
  try_export "$LXCPATH/other/a.tar.zst" --level 99999999999
  try_export "$LXCPATH/other/a.tar" --level 1
  contains "$output" "compressed"
  try_export "$LXCPATH/other/a.tar.zst" --threads 100000
  contains "$output" "256"
  equals "$(ls -A "$LXCPATH/other")" ""
  berth export "${P[@]}" "$NAME" "$LXCPATH/good" --level 3 # without an ending: zst
  equals "$(od -An -tx1 -N4 "$LXCPATH/good" | tr -d ' ')" 28b52ffd

  try_import() { run -1 berth import "${P[@]}" "$@"; }
  try_import "$LXCPATH"
  contains "$output" "is a directory"
  : >"$LXCPATH/empty"
  try_import "$LXCPATH/empty"
  contains "$output" "nothing is in it"
  head -c 5000 /dev/urandom >"$LXCPATH/random"
  gzip -k "$LXCPATH/random"
  python3 -c 'import bz2, sys; sys.stdout.buffer.write(bz2.compress(sys.stdin.buffer.read()))' <"$LXCPATH/random" >"$LXCPATH/random.bz2"
  tar -cf "$LXCPATH/foreign.tar" -C "$LXCPATH" random
  local file
  for file in random random.gz random.bz2 foreign.tar; do
    try_import "$LXCPATH/$file"
    contains "$output" "no archive of a container"
    contains "$output" "berth export"
  done
  try_import "$LXCPATH/absent"
  contains "$output" "cannot import"
  contains "$output" "open($LXCPATH/absent)"
  for file in 0 -1 1.5G 99999999999T 10X ""; do
    try_import "$LXCPATH/good" --max-size "$file" "${NAME}b"
    contains "$output" "--max-size: '$file' is "
  done
  try_import "$LXCPATH/good" "${NAME}b" --max-size 1b
  contains "$output" "larger than --max-size allows"
  contains "$output" "more than 1 bytes"
  contains "$output" "takes some $(berth storage usage "${P[@]}" "$NAME" --json | python3 -c 'import json, sys; print("%g" % (json.load(sys.stdin)[0]["used"] * 10 // 2**20 / 10))') MiB"
  lacks "$output" "tampered"
  run -1 berth import -P "$LXCPATH/typo/more" "$LXCPATH/good"
  contains "$output" "there is no directory $LXCPATH/typo/more"
  [ ! -e "$LXCPATH/typo" ] && [ ! -e "$LXCPATH/${NAME}b" ]
}

@test "options of storage count for import as for lxc-create, and what the root was is kept" {
  plain_container
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  local option
  for option in "--fssize 64M" "--fstype ext4" "--vgname x" "-B dir --zfsroot x/y" "-B dir --rbdpool x"; do
    # shellcheck disable=SC2086
    run -1 berth import "${P[@]}" "$LXCPATH/a.tar.zst" "${NAME}b" $option
    # shellcheck disable=SC2086
    set -- $option
    contains "$output" "${*: -2:1}"
    [ ! -e "$LXCPATH/${NAME}b" ]
  done
  run -1 berth import "${P[@]}" "$LXCPATH/a.tar.zst" "${NAME}b" --dir relative
  contains "$output" "--dir"
  berth import "${P[@]}" "$LXCPATH/a.tar.zst" "${NAME}b" --dir "$LXCPATH/elsewhere" --keepname
  [ -d "$LXCPATH/elsewhere/bin" ]
  lxc-destroy "${P[@]}" -n "${NAME}b"
  has_loop || skip "no loop devices here: $(berth storage list "${P[@]}")"
  berth import "${P[@]}" "$LXCPATH/a.tar.zst" "${NAME}l" -B loop --fssize 77M --fstype ext2 --keepname
  equals "$(blkid -o value -s TYPE "$LXCPATH/${NAME}l/rootdev")" ext2
  berth import "${P[@]}" "$LXCPATH/a.tar.zst" "${NAME}m" -B loop --fssize 400M --fstype xfs --keepname
  berth export "${P[@]}" "${NAME}m" "$LXCPATH/m.tar.zst"
  berth import "${P[@]}" "$LXCPATH/m.tar.zst" "${NAME}n" --keepname
  equals "$(blkid -o value -s TYPE "$LXCPATH/${NAME}n/rootdev")" xfs
  equals "$(stat -c %s "$LXCPATH/${NAME}n/rootdev")" "$(stat -c %s "$LXCPATH/${NAME}m/rootdev")"
  berth import "${P[@]}" "$LXCPATH/m.tar.zst" "${NAME}o" --fstype ext4 --fssize 90M --keepname
  equals "$(blkid -o value -s TYPE "$LXCPATH/${NAME}o/rootdev")" ext4
  # Of a directory it is known what it takes, and so how large a device must be.
  fallocate -l 1200M "$LXCPATH/$NAME/rootfs/large" || skip "no room for 1.2 GB here"
  berth export "${P[@]}" "$NAME" "$LXCPATH/large.tar.zst" --progress json --level 1 2>"$LXCPATH/progress"
  grep -Eq '"bytes_expected": ?1[0-9]{9}\b' "$LXCPATH/progress" || fail "$(head -3 "$LXCPATH/progress")"
  berth import "${P[@]}" "$LXCPATH/large.tar.zst" "${NAME}p" -B loop --keepname
}

@test "snapshots come along when they are asked for" {
  plain_container
  echo one >"$LXCPATH/$NAME/rootfs/state"
  echo "the first" >"$LXCPATH/comment"
  lxc-snapshot "${P[@]}" "${N[@]}" -c "$LXCPATH/comment"
  echo two >"$LXCPATH/$NAME/rootfs/state"
  lxc-snapshot "${P[@]}" "${N[@]}"
  echo three >"$LXCPATH/$NAME/rootfs/state"
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst" --snapshots
  berth export "${P[@]}" "$NAME" "$LXCPATH/b.tar.zst"
  local before
  before=$(lxc-snapshot "${P[@]}" "${N[@]}" -L -C)
  lxc-destroy "${P[@]}" "${N[@]}" --snapshots
  berth import "${P[@]}" "$LXCPATH/a.tar.zst"
  equals "$(lxc-snapshot "${P[@]}" "${N[@]}" -L -C)" "$before"
  equals "$(cat "$LXCPATH/$NAME/rootfs/state")" three
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0 -N "${NAME}r"
  equals "$(cat "$LXCPATH/${NAME}r/rootfs/state")" one
  berth import "${P[@]}" "$LXCPATH/b.tar.zst" "${NAME}b"
  equals "$(lxc-snapshot "${P[@]}" -n "${NAME}b" -L)" "No snapshots"
  # The place that is named is the container's; its snapshots are where they always are.
  berth import "${P[@]}" "$LXCPATH/a.tar.zst" "${NAME}d" --dir "$LXCPATH/elsewhere"
  equals "$(cat "$LXCPATH/elsewhere/state")" three
  equals "$(cat "$LXCPATH/${NAME}d/snaps/snap0/rootfs/state")" one
  lxc-snapshot "${P[@]}" -n "${NAME}d" -r snap1 -N "${NAME}e"
  equals "$(cat "$LXCPATH/${NAME}e/rootfs/state")" two
  lxc-destroy "${P[@]}" -n "${NAME}d" -s
  [ ! -e "$LXCPATH/elsewhere" ]
}

@test "killed while it exports or imports: the next one cleans up" {
  big_container
  start_container
  # Killed as soon as it has frozen the container.
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.xz" --freeze &
  local pid=$! i
  for ((i = 0; i < 200; i++)); do [ ! -s "$LXCPATH/a.tar.xz.partial" ] || break; sleep 0.05; done
  kill -KILL "$pid"
  wait "$pid" || true
  [ ! -e "$LXCPATH/a.tar.xz" ]
  equals "$(lxc-info "${P[@]}" "${N[@]}" -sH)" FROZEN
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar"
  equals "$(lxc-info "${P[@]}" "${N[@]}" -sH)" RUNNING
  [ ! -e "$LXCPATH/$NAME/exporting" ]
  mkfifo "$LXCPATH/slow"
  berth import "${P[@]}" "$LXCPATH/slow" "${NAME}b" &
  pid=$!
  exec 7>"$LXCPATH/slow"
  head -c 100M "$LXCPATH/a.tar" >&7
  kill -KILL "$pid"
  wait "$pid" || true
  exec 7>&-
  [ -e "$LXCPATH/${NAME}b/partial" ]
  lxc-destroy "${P[@]}" -n "${NAME}b"
  [ ! -e "$LXCPATH/${NAME}b" ]
}

@test "into a file system on a loop device, and from there" {
  plain_container
  has_loop || skip "no loop devices here: $(berth storage list "${P[@]}")"
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  berth import "${P[@]}" "$LXCPATH/a.tar.zst" "${NAME}l" -B loop --fssize 64M --keepname
  contains "$(cat "$LXCPATH/${NAME}l/config")" "loop:$LXCPATH/${NAME}l"
  berth export "${P[@]}" "${NAME}l" - | berth import "${P[@]}" - "${NAME}d" -B dir --keepname
  diff <(manifest_of "$NAME") <("$REPO/tests/system/manifest" --ignore-top-times --without lost+found "$LXCPATH/${NAME}d/rootfs")
  contains "$(berth storage usage "${P[@]}" "${NAME}l")" loop
  lxc-destroy "${P[@]}" -n "${NAME}l"
}

@test "an archive that is cut leaves no file system on a loop device behind" {
  plain_container
  has_loop || skip "no loop devices here: $(berth storage list "${P[@]}")"
  head -c 20M /dev/urandom >"$LXCPATH/$NAME/rootfs/big"
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar"
  local at
  for at in 5M 10M 15M 18M; do
    head -c "$at" "$LXCPATH/a.tar" >"$LXCPATH/cut"
    run -1 berth import "${P[@]}" "$LXCPATH/cut" rest -B loop
    [ ! -e "$LXCPATH/rest" ] || fail "$(ls "$LXCPATH/rest"): $output"
  done
  run -1 berth import "${P[@]}" "$LXCPATH/a.tar" rest -B loop --fssize 8M
  [ ! -e "$LXCPATH/rest" ]
  contains "$output" "--fssize"
  contains "$output" "more than there is room for"
  grep -Eq "there is room for [0-9.]+ MiB; the archive says .* takes some 2[0-9.]+ MiB" <<<"$output" || fail "$output"
  lacks "$output" "--max-size"
}

@test "a running container on a loop device is exported frozen or as it runs, when that is asked for" {
  has_loop || skip "no loop devices here: $(berth storage list "${P[@]}")"
  plain_container
  head -c 30M /dev/urandom >"$LXCPATH/$NAME/rootfs/big"
  berth export "${P[@]}" "$NAME" - | berth import "${P[@]}" - "${NAME}l" -B loop --fssize 64M
  start_container "${NAME}l"
  lxc-attach "${P[@]}" -n "${NAME}l" -- sh -c 'echo now >/state'
  run -1 berth export "${P[@]}" "${NAME}l" "$LXCPATH/a.tar"
  contains "$output" "add --freeze"
  contains "$output" "--no-freeze (it goes on, and files that it changes meanwhile may be inconsistent)"
  local how
  for how in --freeze --no-freeze; do
    begin_slow "$how" "${NAME}l"
    [ "$how" = --no-freeze ] || equals "$(state "${NAME}l")" FROZEN
    end_slow
    equals "$(state "${NAME}l")" RUNNING
    [ ! -e "$LXCPATH/${NAME}l/exporting" ]
    berth import "${P[@]}" "$LXCPATH/slow.tar.zst" "copy$how" -B dir
    equals "$(cat "$LXCPATH/copy$how/rootfs/state")" now
  done
  lxc-stop "${P[@]}" -n "${NAME}l" -k
  lxc-destroy "${P[@]}" -n "${NAME}l"
}

@test "each root of an archive with snapshots has the room of its own file system" {
  has_loop || skip "no loop devices here: $(berth storage list "${P[@]}")"
  plain_container
  head -c 16M /dev/urandom >"$LXCPATH/$NAME/rootfs/big"
  berth export "${P[@]}" "$NAME" - | berth import "${P[@]}" - full -B loop --fssize 32M
  lxc-snapshot "${P[@]}" -n full
  berth export "${P[@]}" full "$LXCPATH/a.tar" --snapshots
  mkdir "$LXCPATH/other"
  berth import -P "$LXCPATH/other" "$LXCPATH/a.tar"
  lxc-snapshot -P "$LXCPATH/other" -n full -r snap0 -N again
  berth export -P "$LXCPATH/other" again - | berth import "${P[@]}" - again -B dir
  cmp "$LXCPATH/$NAME/rootfs/big" "$LXCPATH/again/rootfs/big"
  run -1 berth import -P "$LXCPATH/other" "$LXCPATH/a.tar" tight -B loop --fssize 16M
  contains "$output" "that the root file system takes some 1"
  [ ! -e "$LXCPATH/other/tight" ]
  # It is told which root is meant.
  mkdir "$LXCPATH/mount"
  mount -o loop "$LXCPATH/full/rootdev" "$LXCPATH/mount"
  rm "$LXCPATH/mount/big"
  umount "$LXCPATH/mount"
  berth export "${P[@]}" full "$LXCPATH/b.tar" --snapshots
  run -1 berth import -P "$LXCPATH/other" "$LXCPATH/b.tar" tight -B loop --fssize 16M
  contains "$output" "that the root file system of snapshot snap0 takes some 1"
  run -0 berth import "${P[@]}" "$LXCPATH/b.tar" odd -B dir
  equals "$(grep -c "the root file system may take more than" <<<"$output")" 1
  equals "$(grep -c "the root file system of snapshot snap0 may take more than" <<<"$output")" 1
  # Those of one file system have its room together.
  mkdir "$LXCPATH/shared"
  mount -t tmpfs -o size=24M none "$LXCPATH/shared"
  run -1 berth import -P "$LXCPATH/shared" "$LXCPATH/a.tar" -B dir
  contains "$output" "more than there is room for"
  contains "$output" "the archive says of itself that it takes some 3"
  equals "$(ls -A "$LXCPATH/shared")" ""
  umount "$LXCPATH/shared"
}

@test "export: a reader that goes away is told of, not libarchive's troubles" {
  plain_container
  head -c 20M /dev/urandom >"$LXCPATH/$NAME/rootfs/big"
  # shellcheck disable=SC2016
  run bash -c 'berth export "$@" - 2>"$0/told" | head -c 1000 >/dev/null; [ "${PIPESTATUS[0]}" = 1 ]' "$LXCPATH" "${P[@]}" "$NAME"
  equals "$status" 0
  contains "$(cat "$LXCPATH/told")" "cannot write standard output"
  contains "$(cat "$LXCPATH/told")" "its reader went away (EPIPE)"
}

@test "storage: an lxcpath that is not there, a size that is none of a file, a file system that is too small" {
  run -1 berth storage usage -P "$LXCPATH/typo"
  contains "$output" "there is no directory $LXCPATH/typo"
  run -0 berth storage usage "${P[@]}"
  has_loop || skip "no loop devices here: $(berth storage list "${P[@]}")"
  printf '#!/bin/sh\n' >"$LXCPATH/.template"
  chmod 755 "$LXCPATH/.template"
  run -1 lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/.template" -f /dev/null -B loop --fssize 10K
  contains "$output" "try: choose a larger size (--fssize)"
  [ ! -e "$LXCPATH/$NAME" ]
  lxc-create "${P[@]}" "${N[@]}" -t "$LXCPATH/.template" -f /dev/null -B loop --fssize 64M
  local size
  size=$(stat -c %s "$LXCPATH/$NAME/rootdev")
  run -1 bash -c 'trap "" XFSZ; ulimit -f 1000000; berth storage resize "$@" 2T' - "${P[@]}" "$NAME"
  contains "$output" "allows no file of 2 TiB"
  contains "$output" "try: choose a smaller size"
  equals "$(stat -c %s "$LXCPATH/$NAME/rootdev")" "$size"
}

@test "storage list: what can't be used says why, below a narrow table" {
  run -0 berth storage list "${P[@]}"
  lacks "$output" "berth-storage-list"
  local longest
  longest=$(sed '/^$/,$d' <<<"$output" | awk '{ if (length > most) most = length } END { print most }')
  [ "$longest" -lt 60 ] || fail "$output"
  if [ ! -e /sys/block/nbd0 ] && ! modprobe -n nbd 2>/dev/null; then
    berth storage list "${P[@]}" --json | python3 -c 'import json, sys; sys.exit(any(row["type"] == "nbd" and row["usable"] for row in json.load(sys.stdin)))'
    grep -A1 "^nbd: " <<<"$output" | grep -q "^  try: "
  fi
  # A zfs without its module and daemon.
  if command -v zfs >/dev/null && [ ! -e /dev/zfs ] && ! zfs list >/dev/null 2>&1; then
    contains "$output" "zfs: neither the kernel's module zfs nor the daemon zfs-fuse answers"
  fi
  local type usable
  while read -r type _ usable; do
    [ "$type" != TYPE ] || continue
    [ "$usable" = yes ] || grep -q "^$type: ." <<<"$output" || fail "$type: $output"
  done < <(sed '/^$/,$d' <<<"$output")
}

@test "storage: list, usage, resize" {
  plain_container
  contains "$(berth storage list)" "dir "
  contains "$(berth storage usage "${P[@]}")" "$NAME"
  berth storage usage "${P[@]}" "$NAME" --json | python3 -c 'import json, sys; row = json.load(sys.stdin)[0]; sys.exit(not (row["type"] == "dir" and row["used"] > 100000))'
  run -1 berth storage resize "${P[@]}" "$NAME" 10G
  contains "$output" "dir"
  contains "$(berth storage usage "${P[@]}" "$NAME")" "NAME"
  exits 1 berth storage usage "${P[@]}" nobody
  contains "$output" "nobody: no such container"
  lacks "$output" "EXCLUSIVE"
  exits 1 berth storage usage "$LXCPATH/$NAME"
  contains "$output" "name the container, and its lxcpath with -P"
  exits 1 berth storage resize "$LXCPATH/$NAME" 10G
  contains "$output" "name the container, and its lxcpath with -P"
  exits 1 berth storage resize "${P[@]}" nobody nothing
  contains "$output" "no such container"
  exits 1 berth storage resize "${P[@]}" "$NAME" 0
  contains "$output" "there must be room for something"
  mkdir "$LXCPATH/${NAME}r"
  printf 'lxc.uts.name = r\n' >"$LXCPATH/${NAME}r/config"
  exits 1 berth storage usage "${P[@]}" "${NAME}r"
  contains "$output" "has no root file system"
  exits 1 berth storage list "$NAME"
  run -1 berth storage sideways
  contains "$output" "list, usage, resize"
  [ ! -e "$BERTH_BIN/lxc-storage" ]
}

@test "a running container on btrfs is exported from a snapshot, which goes" {
  with_btrfs
  plain_container
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  berth import -P "$LXCPATH/btrfs" -B btrfs "$LXCPATH/a.tar.zst"
  lxc-start -P "$LXCPATH/btrfs" "${N[@]}"
  head -c 60M /dev/urandom >"$LXCPATH/btrfs/$NAME/rootfs/big"
  mkfifo "$LXCPATH/pipe"
  berth export -P "$LXCPATH/btrfs" "$NAME" - >"$LXCPATH/pipe" &
  local pid=$!
  exec 7<"$LXCPATH/pipe"
  head -c 100000 <&7 >"$LXCPATH/b.tar.zst" # now it is under way
  equals "$(lxc-info -P "$LXCPATH/btrfs" "${N[@]}" -sH)" RUNNING
  [ -d "$LXCPATH/btrfs/$NAME/exporting" ]
  rm "$LXCPATH/btrfs/$NAME/rootfs/big"
  cat <&7 >>"$LXCPATH/b.tar.zst"
  exec 7<&-
  wait "$pid"
  [ ! -e "$LXCPATH/btrfs/$NAME/exporting" ]
  berth import "${P[@]}" -B dir "$LXCPATH/b.tar.zst" "${NAME}b"
  equals "$(stat -c %s "$LXCPATH/${NAME}b/rootfs/big")" $((60 << 20))
  lxc-stop -P "$LXCPATH/btrfs" "${N[@]}" -k
  lxc-destroy -P "$LXCPATH/btrfs" "${N[@]}"
  umount "$LXCPATH/btrfs"
}

@test "a quota comes along where the new root can have one, and is missed aloud where it can't" {
  with_btrfs
  plain_container
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  berth import -P "$LXCPATH/btrfs" -B btrfs --fssize 100M "$LXCPATH/a.tar.zst"
  berth export -P "$LXCPATH/btrfs" "$NAME" "$LXCPATH/b.tar.zst"
  limit() { berth storage usage -P "$LXCPATH/btrfs" "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["limit"])'; }
  berth import -P "$LXCPATH/btrfs" "$LXCPATH/b.tar.zst" "${NAME}b"
  equals "$(limit "${NAME}b")" $((100 << 20))
  berth import -P "$LXCPATH/btrfs" --fssize 120M "$LXCPATH/b.tar.zst" "${NAME}c"
  equals "$(limit "${NAME}c")" $((120 << 20))
  run -0 berth import "${P[@]}" -B dir "$LXCPATH/b.tar.zst" "${NAME}d"
  contains "$output" "more than the 100 MiB that were its limit"
  local name
  for name in "$NAME" "${NAME}b" "${NAME}c"; do lxc-destroy -P "$LXCPATH/btrfs" -n "$name"; done
  umount "$LXCPATH/btrfs"
}

# A root of files that take their time, and the pipe through which an export of it is read slowly.
many_files() {
  local i
  mkdir "$1/many"
  for ((i = 0; i < 60; i++)); do head -c 1M /dev/urandom >"$1/many/$i"; done
}
count_packed() { tar -tf "$1" --force-local 2>/dev/null | grep -cE "$2/many/[0-9]+\$"; }
# begin_slow ARGUMENT...: the export is under way, and waits for its reader.
begin_slow() {
  rm -f "$LXCPATH/pipe"
  mkfifo "$LXCPATH/pipe"
  berth export "${P[@]}" "$@" - >"$LXCPATH/pipe" 2>"$LXCPATH/said" 3>&- &
  SLOW=$!
  exec 7<"$LXCPATH/pipe"
  head -c 3000000 <&7 >"$LXCPATH/slow.tar.zst"
}
end_slow() {
  cat <&7 >>"$LXCPATH/slow.tar.zst"
  exec 7<&-
  wait "$SLOW"
}

# The files of the worker of the process $1, by the names that they have for who looks on.
worker_files() { find "/proc/$(pgrep -P "$1" berth-archive)/fd" -printf '%l\n'; }

@test "what packs and unpacks has the root alone, without a way up from it" {
  plain_container
  many_files "$LXCPATH/$NAME/rootfs"
  begin_slow "$NAME"
  local seen
  seen=$(worker_files "$SLOW")
  end_slow
  contains "$seen" /many/
  lacks "$seen" "$LXCPATH/$NAME"
  berth import "${P[@]}" - "${NAME}b" --keepname <"$LXCPATH/pipe" &
  local pid=$! i
  exec 7>"$LXCPATH/pipe"
  head -c 30M "$LXCPATH/slow.tar.zst" >&7
  for ((i = 0; i < 100; i++)); do [ ! -s "$LXCPATH/${NAME}b/rootfs/many/20" ] || break; sleep 0.05; done
  seen=$(worker_files "$pid")
  tail -c +$(((30 << 20) + 1)) "$LXCPATH/slow.tar.zst" >&7
  exec 7>&-
  wait "$pid"
  contains "$seen" /many
  lacks "$seen" "$LXCPATH/$NAME"
  # Without the calls for that, as it can be.
  BERTH_FEATURES_OFF=mount-setattr berth import "${P[@]}" "$LXCPATH/slow.tar.zst" "${NAME}c" --keepname
  same_roots "${NAME}b" "${NAME}c"
}

@test "nobody takes from an export what it is made from" {
  plain_container
  many_files "$LXCPATH/$NAME/rootfs"
  lxc-snapshot "${P[@]}" "${N[@]}"
  start_container
  # A snapshot.
  begin_slow --snapshots --no-freeze "$NAME"
  lxc-snapshot "${P[@]}" "${N[@]}" -d snap0 3>&- 7<&- &
  local other=$!
  sleep 1
  equals "$(find "$LXCPATH/$NAME/snaps/snap0/rootfs/many" -type f | wc -l)" 60
  end_slow
  wait "$other"
  [ ! -e "$LXCPATH/$NAME/snaps/snap0" ]
  equals "$(count_packed "$LXCPATH/slow.tar.zst" "snapshots/snap0/root")" 60
  # The container that is exported as it is.
  begin_slow --no-freeze "$NAME"
  lxc-destroy "${P[@]}" "${N[@]}" -f 3>&- 7<&- &
  other=$!
  sleep 2
  equals "$(find "$LXCPATH/$NAME/rootfs/many" -type f | wc -l)" 60
  end_slow
  wait "$other"
  [ ! -e "$LXCPATH/$NAME" ]
  equals "$(count_packed "$LXCPATH/slow.tar.zst" root)" 60
  berth import "${P[@]}" "$LXCPATH/slow.tar.zst"
}

@test "a container that is stopped while it is exported: the archive is whole, and nothing of the export is left" {
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}"
  many_files "$LXCPATH/$NAME/rootfs"
  start_container
  begin_slow --freeze "$NAME"
  equals "$(state)" FROZEN
  lxc-stop "${P[@]}" "${N[@]}" -k 3>&- 7<&-
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0 3>&- 7<&- &
  local other=$!
  sleep 1
  equals "$(find "$LXCPATH/$NAME/rootfs/many" -type f | wc -l)" 60
  end_slow
  wait "$other"
  equals "$(count_packed "$LXCPATH/slow.tar.zst" root)" 60
  [ ! -e "$LXCPATH/$NAME/exporting" ]
  [ ! -e "$LXCPATH/$NAME/rootfs/many" ]
  equals "$(state)" STOPPED
}

@test "what its user froze after another start is not thawed by what an export left" {
  plain_container
  many_files "$LXCPATH/$NAME/rootfs"
  start_container
  begin_slow --freeze "$NAME"
  kill -KILL "$SLOW"
  exec 7<&-
  wait "$SLOW" || true
  equals "$(state)" FROZEN
  [ -e "$LXCPATH/$NAME/exporting/frozen" ]
  lxc-stop "${P[@]}" "${N[@]}" -k
  start_container
  lxc-freeze "${P[@]}" "${N[@]}"
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar"
  equals "$(state)" FROZEN
  [ ! -e "$LXCPATH/$NAME/exporting" ]
  lxc-unfreeze "${P[@]}" "${N[@]}"
}

@test "a root that is taken away by hand is no success, and the earlier archive stays" {
  plain_container
  many_files "$LXCPATH/$NAME/rootfs"
  begin_slow "$NAME"
  mv "$LXCPATH/$NAME/rootfs" "$LXCPATH/$NAME/rootfs.away"
  local status=0
  end_slow || status=$?
  equals "$status" 1
  contains "$(cat "$LXCPATH/said")" "not complete"
  mv "$LXCPATH/$NAME/rootfs.away" "$LXCPATH/$NAME/rootfs"
  begin_slow "$NAME"
  mv "$LXCPATH/$NAME/config" "$LXCPATH/config.away"
  status=0
  end_slow || status=$?
  equals "$status" 1
  mv "$LXCPATH/config.away" "$LXCPATH/$NAME/config"
  begin_slow "$NAME"
  end_slow
}

@test "what was compressed and does not fit its quota any more is imported without it" {
  with_btrfs compress-force=zstd
  plain_container
  berth export "${P[@]}" "$NAME" "$LXCPATH/a.tar.zst"
  berth import -P "$LXCPATH/btrfs" -B btrfs --fssize 60M "$LXCPATH/a.tar.zst"
  head -c 100M /dev/zero | tr '\0' a >"$LXCPATH/btrfs/$NAME/rootfs/big"
  sync -f "$LXCPATH/btrfs"
  berth export -P "$LXCPATH/btrfs" "$NAME" "$LXCPATH/b.tar.zst"
  lxc-destroy -P "$LXCPATH/btrfs" "${N[@]}"
  umount "$LXCPATH/btrfs"
  mount -o loop "$LXCPATH/disk" "$LXCPATH/btrfs"
  run -0 berth import -P "$LXCPATH/btrfs" "$LXCPATH/b.tar.zst"
  contains "$output" "more than the 60 MiB that were its limit"
  equals "$(stat -c %s "$LXCPATH/btrfs/$NAME/rootfs/big")" $((100 << 20))
  lxc-destroy -P "$LXCPATH/btrfs" "${N[@]}"
  umount "$LXCPATH/btrfs"
}

has_loop() {
  berth storage list "${P[@]}" --json | python3 -c 'import json, sys; sys.exit(not any(row["type"] == "loop" and row["usable"] for row in json.load(sys.stdin)))'
}
has_btrfs() { command -v mkfs.btrfs >/dev/null && grep -qw btrfs /proc/filesystems && losetup -f >/dev/null 2>&1; }
# with_btrfs [MOUNT-OPTION]: a file system of btrfs at LXCPATH/btrfs.
with_btrfs() {
  has_btrfs || skip "no btrfs on a loop device here"
  truncate -s 400M "$LXCPATH/disk"
  mkfs.btrfs -q "$LXCPATH/disk"
  mkdir "$LXCPATH/btrfs"
  mount -o "loop${1:+,$1}" "$LXCPATH/disk" "$LXCPATH/btrfs"
}
