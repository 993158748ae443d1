# A container whose directory is a symbolic link, as people move one to a larger disk.
load lib

setup_file() {
  only_berth
  only_root
}

# linked NAME: its files are in LXCPATH/.large/NAME.
linked() {
  make_container "$1" </dev/null
  mkdir -p "$LXCPATH/.large"
  mv "$LXCPATH/$1" "$LXCPATH/.large/$1"
  ln -s "$LXCPATH/.large/$1" "$LXCPATH/$1"
}
whole() { [ -e "$LXCPATH/.large/$1/rootfs/sbin/init" ] && [ -e "$LXCPATH/.large/$1/config" ] && [ ! -e "$LXCPATH/$1/destroying" ]; }
gone() { [ ! -e "$LXCPATH/.large/$1" ] && [ ! -L "$LXCPATH/$1" ]; }

@test "it starts, is copied, gets snapshots, and goes with its files" {
  linked "$NAME"
  start_container
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-snapshot "${P[@]}" "${N[@]}" 3>&-
  lxc-copy "${P[@]}" "${N[@]}" -N "${NAME}c" 3>&-
  lxc-destroy "${P[@]}" "${N[@]}" -s
  gone "$NAME"
  [ -e "$LXCPATH/${NAME}c/rootfs/sbin/init" ]
}

@test "a root that is kept stays there" {
  linked "$NAME"
  echo 'lxc.rootfs.managed = 0' >>"$LXCPATH/$NAME/config"
  lxc-destroy "${P[@]}" "${N[@]}"
  [ -e "$LXCPATH/.large/$NAME/rootfs/sbin/init" ] && [ ! -e "$LXCPATH/.large/$NAME/config" ] && [ -L "$LXCPATH/$NAME" ]
}

@test "what a killed destroy or creation has left goes too" {
  linked "$NAME"
  ln -s "$NAME/root-gone" "$LXCPATH/$NAME/destroying"
  exits 1 lxc-start "${P[@]}" "${N[@]}"
  berth doctor "${P[@]}" --repair
  gone "$NAME"
  mkdir "$LXCPATH/.large/$NAME"
  ln -s "$LXCPATH/.large/$NAME" "$LXCPATH/$NAME"
  ln -s "$NAME" "$LXCPATH/$NAME/destroying"
  lxc-destroy "${P[@]}" "${N[@]}"
  gone "$NAME"
  linked "$NAME"
  printf 'the directory was there before, with:\0config\0rootfs\0' >"$LXCPATH/$NAME/partial"
  touch "$LXCPATH/$NAME/more"
  cp -p "$LXCPATH/$NAME/config" "$LXCPATH/$NAME/config.before-create"
  berth doctor "${P[@]}" --repair
  whole "$NAME" && [ ! -e "$LXCPATH/$NAME/more" ] && [ ! -e "$LXCPATH/$NAME/partial" ]
}

@test "a link that is another's, leads to another's, to another container or above the lxcpath is refused before anything goes" {
  linked "$NAME"
  chown -h 12345 "$LXCPATH/$NAME"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "is a symbolic link that is not followed to remove files"
  contains "$output" "is of the user 12345"
  whole "$NAME"
  chown -h 0 "$LXCPATH/$NAME"
  chown 12345 "$LXCPATH/.large/$NAME"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "leads to what is of the user 12345: $LXCPATH/.large/$NAME"
  whole "$NAME"
  chown 0 "$LXCPATH/.large/$NAME"
  ln -s "$NAME" "$LXCPATH/${NAME}b"
  exits 1 lxc-destroy "${P[@]}" "${N[@]}"
  contains "$output" "leads where ${NAME}b has its files too"
  whole "$NAME"
  rm "$LXCPATH/${NAME}b"
  lxc-start -P "$LXCPATH/.large" "${N[@]}" 3>&-
  mv "$LXCPATH/$NAME" "$LXCPATH/${NAME}o"
  run lxc-destroy "${P[@]}" -n "${NAME}o"
  mv "$LXCPATH/${NAME}o" "$LXCPATH/$NAME"
  lxc-stop -P "$LXCPATH/.large" "${N[@]}" -k
  equals "$status" 1
  contains "$output" "leads to a container that runs"
  whole "$NAME"
  ln -s . "$LXCPATH/${NAME}u"
  touch "$LXCPATH/config"
  exits 1 lxc-destroy "${P[@]}" -n "${NAME}u"
  contains "$output" "leads to what holds it: $LXCPATH"
  whole "$NAME"
  rm "$LXCPATH/${NAME}u" "$LXCPATH/config"
  lxc-destroy "${P[@]}" "${N[@]}"
  gone "$NAME"
}
