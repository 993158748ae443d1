# Who needs whose storage, and what lxc-destroy leaves alone because of that.
load lib

copy() { lxc-copy "${P[@]}" "${N[@]}" "$@" 3>&-; }
destroy() { lxc-destroy "${P[@]}" -n "$@"; }
needs() { cat "$LXCPATH/$1/lxc_rdepends"; }
needed_by() { cat "$LXCPATH/$1/lxc_snapshots"; }

# outside NAME: the root lies in LXCPATH/elsewhere.
outside() {
  make_container "$1" </dev/null
  mkdir "$LXCPATH/elsewhere"
  mv "$LXCPATH/$1/rootfs" "$LXCPATH/elsewhere/root"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = dir:${2:-$LXCPATH/elsewhere/root}|" "$LXCPATH/$1/config"
}

only_overlay() {
  only_root
  only_berth
  grep -qw overlay /proc/filesystems || skip "needs overlay"
}

@test "a copy over a directory, its snapshot and a copy of it say what they need; a snapshot is no clone" {
  only_overlay
  plain_container
  copy -s -N "${NAME}c"
  equals "$(needs "${NAME}c")" "$LXCPATH"$'\n'"$NAME"
  lxc-copy "${P[@]}" -n "${NAME}c" -N "${NAME}d" -s
  lxc-snapshot "${P[@]}" -n "${NAME}c"
  equals "$(needs "${NAME}d")" "$LXCPATH"$'\n'"$NAME"
  equals "$(needs "${NAME}c/snaps/snap0")" "$LXCPATH"$'\n'"$NAME"
  equals "$(needed_by "$NAME")" "$(printf '%s\n' "$LXCPATH" "${NAME}c" "$LXCPATH" "${NAME}d" "$LXCPATH/${NAME}c/snaps" snap0)"
  [ ! -e "$LXCPATH/${NAME}c/lxc_snapshots" ]
  [ ! -e "$LXCPATH/${NAME}d/lxc_snapshots" ]
  destroy "${NAME}c" -s
  equals "$(needed_by "$NAME")" "$(printf '%s\n' "$LXCPATH" "${NAME}d")"
  exits 1 destroy "$NAME"
  contains "$output" "try: destroy the clones first"
  # Whoever wants to keep it is not told to destroy it.
  exits 1 copy -R -N "${NAME}r"
  contains "$output" "clones depend on this container"
  contains "$output" "copy each of them without -s"
  lacks "$output" "--clones"
}

@test "a root elsewhere, and one that a link names, is needed too" {
  only_overlay
  outside "$NAME"
  copy -s -N "${NAME}c"
  equals "$(needs "${NAME}c")" "$LXCPATH"$'\n'"$NAME"
  ln -s elsewhere "$LXCPATH/link"
  sed -i "s|/elsewhere/root|/link/root|" "$LXCPATH/$NAME/config"
  copy -s -N "${NAME}d"
  equals "$(needs "${NAME}d")" "$LXCPATH"$'\n'"$NAME"
  exits 1 destroy "$NAME"
  contains "$output" "${NAME}c, $LXCPATH/${NAME}d"
}

@test "an overlay's own lower layer: its snapshots are no clones, a copy of a snapshot is one" {
  only_overlay
  printf '#!/bin/sh\nfor word; do case $word in --rootfs=*) cp -a %s/. "${word#--rootfs=}/" ;; esac; done\n' "$(busybox_root)" >"$LXCPATH/.template"
  chmod 755 "$LXCPATH/.template"
  lxc-create "${P[@]}" "${N[@]}" -B overlay -t "$LXCPATH/.template" >/dev/null
  lxc-snapshot "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME/lxc_snapshots" ]
  [ ! -e "$LXCPATH/$NAME/snaps/snap0/lxc_rdepends" ]
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0
  [ ! -e "$LXCPATH/$NAME/lxc_rdepends" ]
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0 -N "${NAME}e"
  equals "$(needs "${NAME}e")" "$LXCPATH"$'\n'"$NAME"
  lxc-snapshot "${P[@]}" "${N[@]}" -d snap0
  exits 1 destroy "$NAME"
  contains "$output" "$LXCPATH/${NAME}e"
  destroy "${NAME}e"
  destroy "$NAME"
}

@test "the doctor misses no snapshot in its container's list of clones" {
  only_berth
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}"
  printf '%s\n' "$LXCPATH" "$NAME" >"$LXCPATH/$NAME/snaps/snap0/lxc_rdepends"
  exits 0 berth doctor "${P[@]}"
  mv "$LXCPATH/$NAME/snaps/snap0/lxc_rdepends" "$LXCPATH/$NAME/lxc_rdepends"
  sed -i "s|^$NAME\$|${NAME}b|" "$LXCPATH/$NAME/lxc_rdepends"
  plain_container "${NAME}b"
  exits 1 berth doctor "${P[@]}"
  contains "$output" "does not know that this clone depends on it"
}

@test "-s destroys snapshots alone; --clones the clones too, and names them" {
  only_overlay
  plain_container
  copy -s -N "${NAME}c"
  lxc-snapshot "${P[@]}" "${N[@]}"
  exits 1 destroy "$NAME" -s
  contains "$output" "--clones"
  [ -e "$LXCPATH/$NAME/snaps/snap0/rootfs/sbin/testinit" ]
  exits 1 destroy "$NAME" --clones
  contains "$output" "snap0"
  lxc-snapshot "${P[@]}" -n "${NAME}c"
  lxc-snapshot "${P[@]}" "${N[@]}" -d snap0
  exits 1 destroy "$NAME" --clones
  contains "$output" "${NAME}c can't go"
  exits 0 destroy "$NAME" --clones -s
  equals "$output" "destroyed $LXCPATH/${NAME}c"
  equals "$(ls "$LXCPATH")" ""
}

@test "--clones leaves alone what lxc_snapshots names but what uses another root" {
  only_overlay
  plain_container
  plain_container "${NAME}c"
  printf '%s\n' "$LXCPATH" "${NAME}c" >"$LXCPATH/$NAME/lxc_snapshots"
  exits 1 destroy "$NAME" --clones
  contains "$output" "lxc_rdepends does not name"
  printf '%s\n' "$LXCPATH" "$NAME" >"$LXCPATH/${NAME}c/lxc_rdepends"
  exits 1 destroy "$NAME" --clones
  contains "$output" "lxc.rootfs.path = $LXCPATH/${NAME}c/rootfs"
  [ -e "$LXCPATH/${NAME}c/rootfs/sbin/testinit" ]
  [ -e "$LXCPATH/$NAME/rootfs/sbin/testinit" ]
}

@test "a root that another container has, or uses, is not destroyed" {
  only_berth "destroys it"
  plain_container
  plain_container "${NAME}b"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = dir:$LXCPATH/$NAME/rootfs|" "$LXCPATH/${NAME}b/config"
  exits 1 destroy "${NAME}b"
  contains "$output" "another container"
  exits 1 destroy "$NAME"
  contains "$output" "another container uses"
  [ -e "$LXCPATH/$NAME/rootfs/sbin/testinit" ]
  echo lxc.rootfs.managed = 0 >>"$LXCPATH/${NAME}b/config"
  destroy "${NAME}b"
  [ -e "$LXCPATH/$NAME/rootfs/sbin/testinit" ]
  destroy "$NAME"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "a root that another container uses, which no list says, is not replaced by a snapshot" {
  only_root
  only_berth "replaces it"
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}"
  mkdir -p "$LXCPATH/${NAME}b/overlay/delta"
  printf 'lxc.rootfs.path = overlay:%s:%s\n' "$LXCPATH/$NAME/rootfs" "$LXCPATH/${NAME}b/overlay/delta" >"$LXCPATH/${NAME}b/config"
  touch "$LXCPATH/$NAME/rootfs/later"
  exits 1 lxc-snapshot "${P[@]}" "${N[@]}" -r snap0
  contains "$output" "$LXCPATH/${NAME}b/config"
  [ -e "$LXCPATH/$NAME/rootfs/later" ]
  destroy "${NAME}b"
  lxc-snapshot "${P[@]}" "${N[@]}" -r snap0
  [ ! -e "$LXCPATH/$NAME/rootfs/later" ]
}

@test "a root outside that two containers use stays until the last of them goes" {
  only_berth "destroys it"
  outside "$NAME"
  mkdir "$LXCPATH/${NAME}b"
  cp "$LXCPATH/$NAME/config" "$LXCPATH/${NAME}b/config"
  ln -s elsewhere "$LXCPATH/link"
  sed -i "s|/elsewhere/root|/link/root|" "$LXCPATH/${NAME}b/config"
  exits 1 destroy "$NAME"
  contains "$output" "$LXCPATH/${NAME}b/config"
  exits 1 destroy "${NAME}b"
  [ -e "$LXCPATH/elsewhere/root/sbin/testinit" ]
  rm -r "$LXCPATH/${NAME}b"
  destroy "$NAME"
  [ ! -e "$LXCPATH/elsewhere/root" ]
}

@test "an unmanaged root stays however its path is written; a copy's own root is managed" {
  only_berth "removes it"
  make_container <<<"lxc.rootfs.managed = 0"
  copy -N "${NAME}c"
  destroy "${NAME}c"
  [ ! -e "$LXCPATH/${NAME}c" ]
  ln -s "$LXCPATH" "$LXCPATH/link"
  sed -i "s|^lxc.rootfs.path.*|lxc.rootfs.path = dir:$LXCPATH/link//$NAME/rootfs/|" "$LXCPATH/$NAME/config"
  destroy "$NAME"
  [ -e "$LXCPATH/$NAME/rootfs/sbin/testinit" ]
  [ ! -e "$LXCPATH/$NAME/config" ]
}

@test "an overlay leaves a work directory that it did not make alone" {
  only_overlay
  plain_container
  mkdir -p "$LXCPATH/mine/upper" "$LXCPATH/mine/work" "$LXCPATH/${NAME}o"
  touch "$LXCPATH/mine/work/thesis"
  sed "s|^lxc.rootfs.path.*|lxc.rootfs.path = overlay:$LXCPATH/$NAME/rootfs:$LXCPATH/mine/upper|" "$LXCPATH/$NAME/config" \
    >"$LXCPATH/${NAME}o/config"
  destroy "${NAME}o"
  [ ! -e "$LXCPATH/mine/upper" ]
  [ -e "$LXCPATH/mine/work/thesis" ]
}

@test "a copy of a running container and a destroy of it at the same time: the copy is whole" {
  only_root
  only_berth
  plain_container
  head -c 200M /dev/zero | tr '\0' x >"$LXCPATH/$NAME/rootfs/large"
  start_container
  copy -a -N "${NAME}c" &
  copier=$!
  eventually 10 [ -e "$LXCPATH/${NAME}c/partial" ]
  destroy "$NAME" -f
  wait "$copier"
  equals "$(stat -c %s "$LXCPATH/${NAME}c/rootfs/large")" $((200 << 20))
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "a copy that waited for a destroy does not bring the container back" {
  only_root
  only_berth
  make_container <<<"lxc.hook.destroy = $LXCPATH/.slow"
  printf '#!/bin/sh\ntouch %s/.begun\nsleep 2\n' "$LXCPATH" >"$LXCPATH/.slow"
  chmod 755 "$LXCPATH/.slow"
  destroy "$NAME" 3>&- &
  destroyer=$!
  eventually 10 [ -e "$LXCPATH/.begun" ]
  exits 1 copy -a -N "${NAME}c"
  contains "$output" "no such container"
  wait "$destroyer"
  [ ! -e "$LXCPATH/${NAME}c" ]
}

@test "--clones takes an image over the source's image for a clone, and a directory for none" {
  only_berth
  command -v qemu-img >/dev/null || skip "needs qemu-img"
  local one
  for one in "$NAME" "${NAME}c"; do
    mkdir "$LXCPATH/$one"
    printf 'lxc.rootfs.path = nbd:%s/rootdev.qcow2\n' "$LXCPATH/$one" >"$LXCPATH/$one/config"
  done
  qemu-img create -q -f qcow2 "$LXCPATH/$NAME/rootdev.qcow2" 10M
  qemu-img create -q -f qcow2 -F qcow2 -b "$LXCPATH/$NAME/rootdev.qcow2" "$LXCPATH/${NAME}c/rootdev.qcow2"
  plain_container "${NAME}d"
  printf '%s\n' "$LXCPATH" "${NAME}c" "$LXCPATH" "${NAME}d" >"$LXCPATH/$NAME/lxc_snapshots"
  for one in c d; do printf '%s\n' "$LXCPATH" "$NAME" >"$LXCPATH/$NAME$one/lxc_rdepends"; done
  exits 1 destroy "$NAME" --clones
  contains "$output" "${NAME}d can't go"
  [ -e "$LXCPATH/${NAME}c/rootdev.qcow2" ]
  destroy "${NAME}d"
  exits 0 destroy "$NAME" --clones
  equals "$output" "destroyed $LXCPATH/${NAME}c"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "an image is used by whoever names it, or a partition of it" {
  only_berth
  truncate -s 1M "$LXCPATH/.disk.raw"
  local one
  for one in "$NAME" "${NAME}b"; do mkdir "$LXCPATH/$one"; done
  printf 'lxc.rootfs.path = nbd:%s\n' "$LXCPATH/.disk.raw" >"$LXCPATH/$NAME/config"
  printf 'lxc.rootfs.path = nbd:%s:1\n' "$LXCPATH/.disk.raw" >"$LXCPATH/${NAME}b/config"
  exits 1 destroy "$NAME"
  contains "$output" "another container uses the root file system"
  [ -e "$LXCPATH/.disk.raw" ]
  exits 1 destroy "${NAME}b"
  contains "$output" "another container uses the root file system"
}

@test "a place in a pool is used by whoever names it, or a part of it" {
  only_berth
  local type
  for type in zfs:tank/web rbd:pool/image; do
    mkdir "$LXCPATH/$NAME" "$LXCPATH/${NAME}b"
    echo "lxc.rootfs.path = $type" | tee "$LXCPATH/$NAME/config" >"$LXCPATH/${NAME}b/config"
    exits 1 destroy "$NAME"
    contains "$output" "another container uses the root file system"
    echo "lxc.rootfs.path = $type/part" >"$LXCPATH/${NAME}b/config"
    exits 1 destroy "$NAME"
    contains "$output" "another container uses the root file system"
    rm -r "$LXCPATH/$NAME" "$LXCPATH/${NAME}b"
  done
}

@test "the root that a file included later sets counts, and one that can't be read is asked about" {
  only_berth "destroys it"
  plain_container
  plain_container "${NAME}b"
  printf 'lxc.rootfs.path = dir:%s/rootfs\n' "$LXCPATH/$NAME" >"$LXCPATH/.included"
  echo "lxc.include = $LXCPATH/.included" >>"$LXCPATH/${NAME}b/config"
  exits 1 destroy "$NAME"
  contains "$output" "another container uses"
  rm "$LXCPATH/.included"
  exits 1 destroy "$NAME"
  contains "$output" "cannot tell whether $LXCPATH/${NAME}b/config uses it"
  contains "$output" "move it away"
  [ -e "$LXCPATH/$NAME/rootfs/sbin/testinit" ]
  sed -i '/include/d' "$LXCPATH/${NAME}b/config"
  destroy "$NAME"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "strangers in the lxcpath hinder no destroy, whatever they call config" {
  only_berth
  plain_container
  mkdir -p "$LXCPATH/a/config" "$LXCPATH/b" "$LXCPATH/c" "$LXCPATH/d"
  ln -s config "$LXCPATH/b/config"
  mkfifo "$LXCPATH/c/config"
  printf '# lxc.include = nothing\ncolour = blue\n' >"$LXCPATH/d/config"
  timeout -k 5 20 lxc-destroy "${P[@]}" "${N[@]}"
  [ ! -e "$LXCPATH/$NAME" ]
  rm -r "$LXCPATH/a" "$LXCPATH/b" "$LXCPATH/c" "$LXCPATH/d"
}

# Everything in LXCPATH, to see that nothing goes before a refusal.
all_files() { find "$LXCPATH" | LC_ALL=C sort; }

# refused WORD [ARGUMENT...]: a destroy of the container with these is refused with that word, and takes nothing away.
refused() {
  local word=$1 before
  shift
  before=$(all_files)
  exits 1 destroy "$NAME" "$@"
  contains "$output" "$word"
  lacks "$output" "nothing has been removed"
  equals "$(all_files)" "$before"
  [ ! -L "$LXCPATH/$NAME/destroying" ]
}

# mounted_at PATH COMMAND...: runs it while something is mounted there.
mounted_at() {
  local place=$1
  shift
  mkdir "$place"
  mount -t tmpfs tmpfs "$place"
  "$@"
  umount "$place"
  rmdir "$place"
}

@test "a mount anywhere in the container's directory is refused before anything goes: snapshots, clones, the root" {
  only_overlay
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}"
  lxc-snapshot "${P[@]}" "${N[@]}"
  copy -s -N "${NAME}c"
  local place
  for place in rootfs/m shared snaps/snap1/rootfs/m snaps/snap1/beside; do
    mounted_at "$LXCPATH/$NAME/$place" refused "$LXCPATH/$NAME/$place" --clones -s
  done
  for place in overlay/delta/m shared; do
    mounted_at "$LXCPATH/${NAME}c/$place" refused "$LXCPATH/${NAME}c/$place" --clones -s
  done
  exits 0 destroy "$NAME" --clones -s
  equals "$(ls "$LXCPATH")" ""
}

@test "a root that another configuration uses costs no clone and no snapshot" {
  only_overlay
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}"
  copy -s -N "${NAME}c"
  mkdir "$LXCPATH/${NAME}u"
  echo "lxc.rootfs.path = dir:$LXCPATH/$NAME/rootfs" >"$LXCPATH/${NAME}u/config"
  refused "another container uses" --clones -s
  rm -r "$LXCPATH/${NAME}u"
  exits 0 destroy "$NAME" --clones -s
  equals "$(ls "$LXCPATH")" ""
}

@test "a destroy hook that fails keeps the snapshots, and says what is whole" {
  only_berth
  plain_container
  lxc-snapshot "${P[@]}" "${N[@]}"
  echo "lxc.hook.destroy = /bin/false" >>"$LXCPATH/$NAME/config"
  refused "nothing of $LXCPATH/$NAME has been removed" -s
  sed -i /hook.destroy/d "$LXCPATH/$NAME/config"
  exits 0 destroy "$NAME" -s
}

@test "a destroy that is repeated leaves alone what somebody else has made at the place of its root" {
  only_berth
  outside "$NAME"
  ln -s "$NAME/root-gone" "$LXCPATH/$NAME/destroying" # as a kill after the root was removed leaves it
  mkdir "$LXCPATH/${NAME}q"
  echo "lxc.rootfs.path = dir:$LXCPATH/elsewhere/root" >"$LXCPATH/${NAME}q/config"
  exits 0 destroy "$NAME"
  [ ! -e "$LXCPATH/$NAME" ]
  [ -e "$LXCPATH/elsewhere/root/sbin/testinit" ]
  exits 0 destroy "${NAME}q"
  [ ! -e "$LXCPATH/elsewhere/root" ]
}

@test "a destroy that was killed when an included file was gone already ends, and hinders nobody" {
  only_berth
  outside "$NAME"
  echo "lxc.include = $LXCPATH/$NAME/gone.conf" >>"$LXCPATH/$NAME/config"
  ln -s "$NAME/root-gone" "$LXCPATH/$NAME/destroying"
  mkdir -p "$LXCPATH/${NAME}q/rootfs"
  echo "lxc.rootfs.path = dir:$LXCPATH/${NAME}q/rootfs" >"$LXCPATH/${NAME}q/config"
  exits 0 destroy "${NAME}q"
  exits 0 destroy "$NAME"
  [ ! -e "$LXCPATH/$NAME" ]
  [ -e "$LXCPATH/elsewhere/root/sbin/testinit" ]
  rm -rf "$LXCPATH/elsewhere"
}

@test "a destroy that fails after its root is gone says so in its mark" {
  only_berth
  outside "$NAME"
  mkdir "$LXCPATH/$NAME/lxc_rdepends" # can't be read: met after the root is removed
  exits 1 destroy "$NAME"
  [ ! -e "$LXCPATH/elsewhere/root" ]
  equals "$(readlink "$LXCPATH/$NAME/destroying")" "$NAME/root-gone"
  rmdir "$LXCPATH/$NAME/lxc_rdepends"
  mkdir "$LXCPATH/elsewhere/root"
  touch "$LXCPATH/elsewhere/root/newer"
  exits 0 berth doctor "${P[@]}" "$NAME" -y
  [ ! -e "$LXCPATH/$NAME" ]
  [ -e "$LXCPATH/elsewhere/root/newer" ]
}

@test "a directory that holds only the mark of a destroy is the end of one: destroy, doctor and create take it away" {
  only_berth
  local way
  for way in "lxc-destroy -P $LXCPATH -n $NAME" "berth doctor -P $LXCPATH $NAME -y" "lxc-create -P $LXCPATH -n $NAME -t none"; do
    mkdir "$LXCPATH/$NAME"
    ln -s "$NAME/root-gone" "$LXCPATH/$NAME/destroying"
    exits 0 $way
    [ ! -L "$LXCPATH/$NAME/destroying" ]
  done
  exits 0 destroy "$NAME"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "the end of a snapshot's destroy is no snapshot: -d takes it away, the next one takes its name" {
  only_berth
  plain_container
  mkdir -p "$LXCPATH/$NAME/snaps/snap0"
  ln -s snap0/root-gone "$LXCPATH/$NAME/snaps/snap0/destroying"
  exits 0 lxc-snapshot "${P[@]}" "${N[@]}" -d snap0
  [ ! -e "$LXCPATH/$NAME/snaps" ]
  mkdir -p "$LXCPATH/$NAME/snaps/snap0"
  ln -s snap0/root-gone "$LXCPATH/$NAME/snaps/snap0/destroying"
  exits 0 lxc-snapshot "${P[@]}" "${N[@]}"
  [ -e "$LXCPATH/$NAME/snaps/snap0/config" ]
  [ ! -L "$LXCPATH/$NAME/snaps/snap0/destroying" ]
  exits 0 destroy "$NAME" -s
}

@test "a file that is called as the mark of a destroy hinders none" {
  only_berth
  plain_container
  touch "$LXCPATH/$NAME/destroying"
  exits 0 destroy "$NAME"
  [ ! -e "$LXCPATH/$NAME" ]
}

@test "a list that names the container itself, or whom it needs by another spelling, is understood" {
  only_overlay
  plain_container
  copy -s -N "${NAME}c"
  ln -s . "$LXCPATH/link"
  local spelling
  for spelling in "$LXCPATH/" "$LXCPATH/../${LXCPATH##*/}" "$LXCPATH/link"; do
    printf '%s\n' "$spelling" "${NAME}c" "$spelling" "$NAME" >"$LXCPATH/${NAME}c/lxc_rdepends"
    touch "$LXCPATH/${NAME}c/lxc_snapshots"
    exits 0 timeout 20 lxc-destroy "${P[@]}" -n "${NAME}c"
    [ ! -e "$LXCPATH/$NAME/lxc_snapshots" ]
    copy -s -N "${NAME}c"
  done
  destroy "${NAME}c"
  rm "$LXCPATH/link"
  destroy "$NAME"
}
