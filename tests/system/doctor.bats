# berth doctor, and clones that depend on one another.
load lib

doctor() { berth doctor "${P[@]}" "$@"; }
copy() { lxc-copy "${P[@]}" "${N[@]}" "$@" 3>&-; }

plain() {
  local name=${1:-$NAME}
  mkdir -p "$LXCPATH/$name/rootfs/etc"
  echo "$name" >"$LXCPATH/$name/rootfs/etc/who"
  printf 'lxc.rootfs.path = dir:%s\nlxc.net.0.type = empty\n' "$LXCPATH/$name/rootfs" >"$LXCPATH/$name/config"
}

@test "doctor: nothing is found in what is whole" {
  only_berth
  plain
  lxc-snapshot "${P[@]}" "${N[@]}"
  exits 0 doctor "$NAME"
  contains "$output" "nothing to repair"
  equals "$(doctor "$NAME" --json)" "[]"
  exits 2 doctor nobody
}

@test "doctor: what killed operations left is told, and goes with --repair alone" {
  only_berth
  plain
  mkdir -p "$LXCPATH/half/rootfs" "$LXCPATH/empty" "$LXCPATH/$NAME/restoring/x" "$LXCPATH/$NAME/snaps/snap0"
  touch "$LXCPATH/half/partial" "$LXCPATH/$NAME/config.renamed"
  ln -s other "$LXCPATH/$NAME/renamed-to"
  printf '%s\n%s\n' "$LXCPATH" gone >"$LXCPATH/$NAME/lxc_snapshots"
  exits 1 doctor
  contains "$output" "$LXCPATH/half: a creation or a copy that was killed"
  contains "$output" "$LXCPATH/empty: an empty directory: the place for a mount"
  contains "$output" "$LXCPATH/$NAME: the preparation of a rename that was killed"
  contains "$output" "$LXCPATH/$NAME: what a restore that was killed"
  contains "$output" "$LXCPATH/gone, which is gone"
  contains "$output" "$LXCPATH/$NAME/snaps/snap0: an empty directory"
  [ -e "$LXCPATH/half/partial" ] && [ -e "$LXCPATH/$NAME/restoring" ]
  equals "$(doctor --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" 6
  # No text is null, not an empty one.
  equals "$(doctor --json | python3 -c 'import json, sys; print({row["failure"] for row in json.load(sys.stdin)})')" "{None}"
  exits 1 doctor -y
  equals "$(ls -A "$LXCPATH" | grep -v '^\.' | tr '\n' ' ')" "$NAME empty "
  rmdir "$LXCPATH/empty"
  equals "$(ls -A "$LXCPATH/$NAME" | tr '\n' ' ')" "config rootfs snaps "
  exits 0 doctor "$NAME"
}

@test "doctor: what a rename or a copy was writing when it was killed goes, and what is only called alike stays" {
  only_berth
  plain
  local top=$LXCPATH/$NAME
  touch "$top/config.renamed.abcdefghij" "$top/renamed-from.zzzzzzzzzz" "$top/lxc_snapshots.abcdefghij" "$top/lxc_rdepends.abcdefghij"
  exits 1 doctor
  contains "$output" "a list of who needs whom"
  contains "$output" "the preparation of a rename that was killed"
  [ -e "$top/config.renamed.abcdefghij" ]
  exits 0 doctor -y
  equals "$(ls -A "$top" | tr '\n' ' ')" "config rootfs "
  # The next rename removes them as well; other names are not berth's.
  touch "$top/config.renamed.abcdefghij" "$top/config.production" "$top/renamed-from.short" "$top/rootfs/renamed-from.zzzzzzzzzz"
  mkdir "$top/config.renamed.directorys"
  lxc-copy "${P[@]}" "${N[@]}" -R -N "${NAME}r" 3>&-
  equals "$(ls -A "$LXCPATH/${NAME}r" | LC_ALL=C sort | tr '\n' ' ')" \
    "config config.production config.renamed.directorys renamed-from.short rootfs "
  [ -e "$LXCPATH/${NAME}r/rootfs/renamed-from.zzzzzzzzzz" ]
  exits 0 doctor
  lxc-destroy "${P[@]}" -n "${NAME}r"
}

@test "doctor: directories that are not berth's stay: the place for a mount, lost+found" {
  only_berth
  plain
  mkdir "$LXCPATH/mnt" "$LXCPATH/lost+found"
  exits 1 doctor -y
  lacks "$output" "lost+found"
  contains "$output" "look at it yourself"
  [ -d "$LXCPATH/mnt" ] && [ -d "$LXCPATH/lost+found" ]
  rmdir "$LXCPATH/mnt"
  exits 0 doctor
}

@test "doctor: a clone in an lxcpath that can't be seen now is not forgotten" {
  only_root
  only_berth
  plain
  mkdir "$LXCPATH/.far"
  mount -t tmpfs far "$LXCPATH/.far"
  copy -N far -p "$LXCPATH/.far" -s
  equals "$(sed -n 2p "$LXCPATH/$NAME/lxc_snapshots")" far
  mv "$LXCPATH/.far/far" "$LXCPATH/.far/away" # what an lxcpath that is not mounted looks like
  exits 1 doctor "$NAME" -y
  contains "$output" "$LXCPATH/.far/far, which is not there"
  contains "$output" "lxc_snapshots"
  equals "$(sed -n 2p "$LXCPATH/$NAME/lxc_snapshots")" far
  mv "$LXCPATH/.far/away" "$LXCPATH/.far/far"
  exits 0 doctor "$NAME"
  # A path that can't be looked at says nothing about what is there.
  printf '%s\n%s\n' "$LXCPATH/$NAME/config" gone >"$LXCPATH/$NAME/lxc_snapshots" # ENOTDIR
  exits 1 doctor "$NAME" -y
  contains "$output" "can't be seen"
  equals "$(sed -n 2p "$LXCPATH/$NAME/lxc_snapshots")" gone
  rm "$LXCPATH/$NAME/lxc_snapshots"
  umount "$LXCPATH/.far"
}

@test "doctor: what a killed export left frozen is told, and thawed" {
  only_root
  only_berth
  plain_container
  start_container
  lxc-freeze "${P[@]}" "${N[@]}"
  mkdir -m 700 "$LXCPATH/$NAME/exporting"
  touch "$LXCPATH/$NAME/exporting/lock"
  local pid
  pid=$(init_pid)
  # Of another start: what is frozen now its user froze.
  printf '%s 1' "$pid" >"$LXCPATH/$NAME/exporting/frozen"
  exits 1 doctor "$NAME"
  lacks "$output" "left the container frozen"
  printf '%s %s' "$pid" "$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)" >"$LXCPATH/$NAME/exporting/frozen"
  exits 1 doctor "$NAME"
  contains "$output" "an export that was killed, and left the container frozen"
  exits 0 doctor "$NAME" -y
  equals "$(lxc-info "${P[@]}" "${N[@]}" -sH)" RUNNING
  [ ! -e "$LXCPATH/$NAME/exporting" ]
  exits 0 doctor "$NAME"
}

@test "doctor: what others can have written removes nothing" {
  only_berth
  only_root
  mkdir -p "$LXCPATH/half" "$LXCPATH/elsewhere/rootfs"
  touch "$LXCPATH/half/partial" "$LXCPATH/elsewhere/rootfs/precious"
  echo "dir:$LXCPATH/elsewhere/rootfs" >"$LXCPATH/half/roots-being-made"
  chown -R 65534 "$LXCPATH/half"
  run -1 doctor half -y
  contains "$output" "is not believed"
  [ -e "$LXCPATH/elsewhere/rootfs/precious" ]
  chown -R 0 "$LXCPATH/half"
  run -1 doctor half -y
  contains "$output" "is not removed: it may be somebody else's"
  [ -e "$LXCPATH/elsewhere/rootfs/precious" ]
  rm -r "$LXCPATH/half" "$LXCPATH/elsewhere"
}

@test "doctor: a root that is not there is told, and nothing is done to the container" {
  only_berth
  plain
  mv "$LXCPATH/$NAME/rootfs" "$LXCPATH/$NAME/elsewhere"
  exits 1 doctor "$NAME" -y
  contains "$output" "is not there"
  contains "$output" "look at it yourself"
  [ -e "$LXCPATH/$NAME/config" ] && [ -e "$LXCPATH/$NAME/elsewhere/etc/who" ]
}

@test "doctor: a restore that was killed between its moves is brought to its end" {
  only_berth
  plain
  local top=$LXCPATH/$NAME
  mkdir -p "$top/restoring/$NAME/rootfs" "$top/restoring/old"
  cp "$top/config" "$top/restoring/$NAME/config"
  touch "$top/restoring/$NAME/rootfs/restored"
  printf '%s\0' "berth exchange 1" "" "$top/restoring/$NAME/rootfs" "$top/rootfs" "$top/restoring/old/0" \
    "" "$top/restoring/$NAME/config" "$top/config" "$top/restoring/old/1" >"$top/restoring/exchanging"
  ln -s "$NAME" "$top/renamed-to"
  mv "$top/rootfs" "$top/restoring/old/0" # killed here
  exits 1 doctor "$NAME"
  contains "$output" "killed between its moves"
  exits 0 doctor "$NAME" -y
  [ -e "$top/rootfs/restored" ]
  [ ! -e "$top/restoring" ] && [ ! -e "$top/renamed-to" ]
}

@test "doctor, and every other: a half done restore that others can have written is not carried out" {
  only_berth
  only_root
  plain
  local top=$LXCPATH/$NAME
  mkdir -p "$top/restoring/$NAME" "$LXCPATH/other/rootfs"
  touch "$LXCPATH/other/rootfs/precious"
  printf '%s\0' "berth exchange 1" "" "$LXCPATH/other/rootfs" "$top/rootfs" "$top/restoring/old" >"$top/restoring/exchanging"
  ln -s "$NAME" "$top/renamed-to"
  chown 65534 "$top/restoring/exchanging"
  exits 1 doctor "$NAME" -y
  contains "$output" "is not believed"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "is not believed"
  exits 1 lxc-snapshot "${P[@]}" "${N[@]}"
  [ -e "$LXCPATH/other/rootfs/precious" ] && [ -e "$top/rootfs/etc/who" ]
  # Nor is one that a link leads to, whoever has written that.
  chown 0 "$top/restoring/exchanging"
  mv "$top/restoring" "$LXCPATH/other/restoring"
  ln -s "$LXCPATH/other/restoring" "$top/restoring"
  exits 1 doctor "$NAME" -y
  contains "$output" "is not believed"
  [ -e "$LXCPATH/other/rootfs/precious" ] && [ -e "$LXCPATH/other/restoring/exchanging" ]
  rm -r "$top/restoring" "$top/renamed-to" "$LXCPATH/other"
  exits 0 doctor "$NAME"
}

@test "a clone that shares a directory is an overlay, and both know of it; --clones of a destroy takes it along" {
  only_root
  only_berth "LXC's destroys no clones"
  plain
  copy -N "${NAME}c" -s
  contains "$(cat "$LXCPATH/${NAME}c/config")" "lxc.rootfs.path = overlay:$LXCPATH/$NAME/rootfs:$LXCPATH/${NAME}c/overlay/delta"
  equals "$(cat "$LXCPATH/$NAME/lxc_snapshots")" "$LXCPATH"$'\n'"${NAME}c"
  equals "$(cat "$LXCPATH/${NAME}c/lxc_rdepends")" "$LXCPATH"$'\n'"$NAME"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "$LXCPATH/${NAME}c"
  exits 1 copy -R -N other
  # A clone of the clone has the same layers, so it needs the same container; a full copy needs nobody.
  lxc-copy "${P[@]}" -n "${NAME}c" -N "${NAME}cc" -s 3>&-
  lxc-copy "${P[@]}" -n "${NAME}c" -N "${NAME}f" 3>&-
  equals "$(wc -l <"$LXCPATH/$NAME/lxc_snapshots")" 4
  [ ! -e "$LXCPATH/${NAME}f/lxc_rdepends" ]
  # A renamed clone is known by its new name.
  lxc-copy "${P[@]}" -n "${NAME}cc" -R -N "${NAME}r"
  contains "$(cat "$LXCPATH/$NAME/lxc_snapshots")" "${NAME}r"
  lacks "$(cat "$LXCPATH/$NAME/lxc_snapshots")" "${NAME}cc"
  exits 0 doctor
  exits 1 lxc-destroy "${P[@]}" "${N[@]}" -s
  lxc-destroy "${P[@]}" "${N[@]}" --clones
  equals "$(lxc-ls "${P[@]}" -1 | tr '\n' ' ')" "${NAME}f "
  [ -e "$LXCPATH/${NAME}f/rootfs/etc/who" ]
}

# Killed in the middle of the root.
kill_destroy() {
  make_container <<<"lxc.hook.destroy = $LXCPATH/.hook"
  printf '#!/bin/sh\necho "$1" >>%s\n' "$LXCPATH/.hooked" >"$LXCPATH/.hook"
  chmod 755 "$LXCPATH/.hook"
  python3 - "$LXCPATH/$NAME/rootfs" <<'FILES'
import os, sys
for i in range(300):
    os.mkdir(f"{sys.argv[1]}/d{i}")
    for j in range(100):
        open(f"{sys.argv[1]}/d{i}/{j}", "w").close()
FILES
  local files pid
  files=$(find "$LXCPATH/$NAME/rootfs" | wc -l)
  lxc-destroy "${P[@]}" "${N[@]}" &
  pid=$!
  until [ "$(find "$LXCPATH/$NAME/rootfs" | wc -l)" -lt "$files" ]; do :; done 2>/dev/null
  kill -9 $pid
  wait $pid || true
  [ -e "$LXCPATH/$NAME/rootfs" ] || skip "it was over before it could be killed"
}

@test "what a killed destroy leaves is no container any more, until a destroy ends it" {
  only_berth
  kill_destroy
  lxc-ls "${P[@]}" -f >/dev/null
  exits 1 copy -N "${NAME}c"
  contains "$output" "destruction was begun"
  contains "$output" "lxc-destroy"
  exits 1 copy -R -N "${NAME}c"
  contains "$output" "destruction was begun"
  exits 1 lxc-snapshot "${P[@]}" "${N[@]}"
  contains "$output" "destruction was begun"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  contains "$output" "destruction was begun"
  [ ! -e "$LXCPATH/${NAME}c" ]
  lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "doctor ends a killed destroy" {
  only_berth
  kill_destroy
  exits 1 doctor "$NAME"
  contains "$output" "a destroy that was killed"
  [ -e "$LXCPATH/$NAME/rootfs" ]
  exits 0 doctor "$NAME" -y
  [ ! -e "$LXCPATH/$NAME" ]
  exits 0 doctor
}

@test "a snapshot whose removal was killed is restored by nobody, and goes with lxc-snapshot -d or the doctor" {
  only_berth
  plain
  local try
  for try in 1 2; do
    lxc-snapshot "${P[@]}" "${N[@]}"
    rm "$LXCPATH/$NAME/snaps/snap0/rootfs/etc/who"
    ln -s snap0 "$LXCPATH/$NAME/snaps/snap0/destroying"
    exits 1 lxc-snapshot "${P[@]}" "${N[@]}" -r snap0
    contains "$output" "destruction was begun"
    exits 1 lxc-snapshot "${P[@]}" "${N[@]}" -r snap0 -N "${NAME}r"
    contains "$output" "destruction was begun"
    [ ! -e "$LXCPATH/${NAME}r" ]
    exits 1 berth export "${P[@]}" "$NAME" "$LXCPATH/.archive.tar" --snapshots
    contains "$output" "destruction was begun"
    [ -e "$LXCPATH/$NAME/rootfs/etc/who" ]
    if [ "$try" = 1 ]; then lxc-snapshot "${P[@]}" "${N[@]}" -d snap0; else exits 0 doctor "$NAME" -y; fi
    [ ! -e "$LXCPATH/$NAME/snaps/snap0" ]
  done
  exits 0 doctor
}

@test "a destroy that is refused before it removes anything leaves no mark of it" {
  only_berth
  plain
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = dir:$LXCPATH|" "$LXCPATH/$NAME/config"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -L "$LXCPATH/$NAME/destroying" ]
}

@test "a start of what overlay clones lie over is warned of" {
  only_root
  only_berth
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}"
  run --separate-stderr lxc-start "${P[@]}" "${N[@]}" 3>&-
  equals "$status" 0
  equals "$stderr" ""
  lxc-stop "${P[@]}" "${N[@]}" -k
  copy -N "${NAME}c" -s
  run --separate-stderr lxc-start "${P[@]}" "${N[@]}" 3>&-
  equals "$status" 0
  contains "$stderr" "may be seen, or half seen, by the overlays over them: $LXCPATH/${NAME}c"
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-destroy "${P[@]}" -n "${NAME}c"
  run --separate-stderr lxc-start "${P[@]}" "${N[@]}" 3>&-
  equals "$stderr" ""
  lxc-stop "${P[@]}" "${N[@]}" -k
}
