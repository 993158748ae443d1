# What bash offers after TAB, by the script that `berth config generate completion` prints.
load lib

setup_file() { is_berth || skip "berth's own"; }

# offers WORD...: what is offered for the last word, one a line.
offers() {
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _berth "$1" 2>/dev/null
  printf '%s\n' "${COMPREPLY[@]}"
}

load_completion() {
  berth config generate completion >"$LXCPATH/berth.bash"
  complete() { :; } # nothing to register in a test
  # shellcheck disable=SC1091
  . "$LXCPATH/berth.bash"
}

@test "every option of every command, and the commands" {
  load_completion
  local command kind count=0
  while read -r command kind; do
    contains " $(offers berth "$command" | tr '\n' ' ')" " $command "
    [ "$command" != config ] || continue # prints another help
    local helped
    if [ "$kind" = own ]; then [ ! -e "$BERTH_BIN/lxc-$command" ]; else equals "$(lxc-"$command" --help 2>&1 | tail -n +2)" "$(berth "$command" --help 2>&1 | tail -n +2)"; fi
    helped=$(berth "$command" --help 2>&1 | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u)
    [ "$kind" = own ] || equals "$(offers "lxc-$command" -- | sort -u)" "$helped"
    equals "$(offers berth "$command" -- | sort -u)" "$helped"
    count=$((count + 1))
  done < <(grep '^[a-z]' "$REPO/src/cli/commands.list")
  [ "$count" -ge 13 ]
  equals "$(offers berth st)" "start
stop
storage"
  equals "$(offers lxc-start --dae)" --daemon
}

@test "names of containers by what a command does with them" {
  load_completion
  plain_container
  make_container "${NAME}off" </dev/null
  start_container
  equals "$(offers lxc-start -P "$LXCPATH" "")" "${NAME}off"
  equals "$(offers lxc-start -P "$LXCPATH" -n "")" "${NAME}off"
  equals "$(offers berth stop -P "$LXCPATH" --name = "")" "$NAME"
  equals "$(offers berth attach -P "$LXCPATH" "")" "$NAME"
  equals "$(offers lxc-destroy "--lxcpath" = "$LXCPATH" -f "" | sort)" "$NAME
${NAME}off"
  equals "$(offers lxc-unfreeze -P "$LXCPATH" "")" ""
  # A container is named already; behind "--" stands a command.
  equals "$(offers lxc-attach -P "$LXCPATH" -n "$NAME" "")" ""
  equals "$(offers lxc-attach -P "$LXCPATH" "$NAME" -- "")" ""
}

@test "keys, states, levels" {
  load_completion
  equals "$(offers lxc-info -n x -c lxc.tty.)" "lxc.tty.max
lxc.tty.dir"
  equals "$(offers berth info -n x --config = lxc.rootfs.m)" "lxc.rootfs.mount
lxc.rootfs.managed"
  equals "$(offers lxc-start -s lxc.uts)" "lxc.uts.name="
  equals "$(offers lxc-execute --define = lxc.prlimit)" "lxc.prlimit."
  equals "$(offers lxc-start -s lxc.uts.name = x)" ""
  equals "$(offers lxc-wait -n x -s STOPP)" "STOPPED
STOPPING"
  equals "$(offers lxc-start -l D)" DEBUG
  equals "$(offers berth config ex)" explain
  equals "$(offers berth config explain lxc.net.0.veth.m)" lxc.net.0.veth.mode
  equals "$(offers berth config generate s)" schema
}

@test "storage: its words, kinds, file systems, compressions, how progress is shown, snapshots" {
  load_completion
  equals "$(offers berth storage '')" "list
usage
resize"
  equals "$(offers berth storage r)" resize
  equals "$(offers lxc-create -n x -B lo)" loop
  equals "$(offers lxc-create -n x --bdev = be)" best
  contains "$(offers lxc-copy -B '' | tr '\n' ' ')" "btrfs"
  equals "$(offers lxc-copy -B be)" ""
  equals "$(offers lxc-copy --fstype = x)" xfs
  contains "$(offers berth import a.tar -B '' | tr '\n' ' ')" "overlay"
  equals "$(offers berth import a.tar --fstype xf)" xfs
  equals "$(offers berth export web1 --compress = '' | tr '\n' ' ')" "zst gz xz none "
  equals "$(offers lxc-copy --progress = j)" json
  equals "$(offers berth config generate man doc)" doctor
  plain_container
  equals "$(offers berth storage usage -P "$LXCPATH" '')" "$NAME"
  equals "$(offers berth storage resize -P "$LXCPATH" "$NAME" '')" ""
  lxc-snapshot "${P[@]}" "${N[@]}"
  lxc-snapshot "${P[@]}" "${N[@]}"
  equals "$(offers lxc-snapshot -P "$LXCPATH" -n "$NAME" -r '')" "snap0
snap1"
  equals "$(offers lxc-snapshot -P "$LXCPATH" "$NAME" -r snap1)" snap1
  equals "$(offers berth snapshot -P "$LXCPATH" "$NAME" --destroy = '' | tr '\n' ' ')" "snap0 snap1 ALL "
  equals "$(offers lxc-snapshot -P "$LXCPATH" -r '')" ""
}

@test "lxc-device: an action, then an interface" {
  load_completion
  equals "$(offers lxc-device -n c '')" "add
del"
  equals "$(offers lxc-device c d)" del
  contains "$(offers lxc-device c add '')" lo
  contains "$(offers berth device c del l)" lo
  equals "$(offers lxc-top --sort '' | tr '\n' ' ')" "n c b m s k p t "
}
