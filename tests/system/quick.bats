# The commands without a C library (docs/adr/0007): what they say and do is what the complete program says and does.
load lib

setup_file() { is_berth || skip "no such program there"; }

mapfile -t QUICK < <(sed -n 's/ quick$//p' "$REPO/src/cli/commands.list")

# Status, standard output and standard error of the words, in which %s stands for the command.
outcome_of() {
  local status=0
  "$@" >"$LXCPATH/.out" 2>"$LXCPATH/.err" </dev/null || status=$?
  echo "status $status"
  cat "$LXCPATH/.out"
  echo "--"
  cat "$LXCPATH/.err"
}

# complete COMMAND WORD...: the complete program under the name of the link.
complete() {
  local name=lxc-$1
  shift
  (exec -a "$name" "$BERTH_BIN/berth" "$@")
}

says_the_same() {
  local command=$1
  shift
  equals "$(outcome_of "lxc-$command" "$@")" "$(outcome_of complete "$command" "$@")"
}

@test "the links lead to the quick program, and it knows each of them" {
  local command
  [ "${#QUICK[@]}" -ge 7 ]
  # Without the complete program beside it there is nobody to hand an unknown command to.
  mkdir "$LXCPATH/libexec" "$LXCPATH/bin"
  cp "$(readlink -f "$BERTH_BIN/lxc-start")" "$LXCPATH/libexec/"
  for command in "${QUICK[@]}" ls; do ln -s ../libexec/berth-quick "$LXCPATH/bin/lxc-$command"; done
  for command in "${QUICK[@]}"; do equals "$("$LXCPATH/bin/lxc-$command" --version)" "$(lxc-ls --version)"; done
  run -126 "$LXCPATH/bin/lxc-ls" --version
  contains "$output" "the program berth is missing"
  ln -s ../libexec/berth-quick "$LXCPATH/bin/berth"
  run -126 "$LXCPATH/bin/lxc-ls" --version
  contains "$output" "is not the complete program"
  for command in "${QUICK[@]}"; do equals "$(basename "$(readlink -f "$BERTH_BIN/lxc-$command")")" berth-quick; done
  for command in ls info create destroy console config; do equals "$(basename "$(readlink -f "$BERTH_BIN/lxc-$command")")" berth; done
}

@test "help, usage, version and refusals are the same" {
  local command
  for command in "${QUICK[@]}"; do
    says_the_same "$command" --help
    says_the_same "$command" --usage
    says_the_same "$command" --version
    says_the_same "$command" "-?"
    says_the_same "$command"
    says_the_same "$command" --nonsense
    says_the_same "$command" "${N[@]}" -P
    says_the_same "$command" "${N[@]}" -P not/absolute
    says_the_same "$command" "${P[@]}" "${N[@]}" -l LOUD
  done
}

@test "an environment that is empty, words that are none" {
  plain_container
  equals "$(env -i "$BERTH_BIN/lxc-stop" "${P[@]}" "${N[@]}" 2>&1)" "lxc-stop: $NAME: not running"
  local status=0
  (exec -a "" "$(readlink -f "$BERTH_BIN/lxc-start")") >"$LXCPATH/said" 2>&1 || status=$?
  equals "$status" 0
  contains "$(cat "$LXCPATH/said")" "Usage: berth COMMAND"
  contains "$(cat "$LXCPATH/said")" "  update-config  give"
}

@test "commands for a container that does not exist say the same" {
  local command
  for command in start stop attach freeze unfreeze; do says_the_same "$command" "${P[@]}" "${N[@]}"; done
}

@test "a volatile container ends the same" {
  says_the_same execute "${P[@]}" "${N[@]}" -- sh -c 'echo out; echo err >&2; exit 3'
}

@test "a descriptor that is closed stays out of reach of files that are opened later" {
  plain_container
  local log=$LXCPATH/log status program
  # The message has lines that the log has not.
  for program in lxc-stop "complete stop"; do
    : >"$log"
    $program "${P[@]}" -n nobody -o "$log" -l DEBUG 2>&- || true
    contains "$(cat "$log")" "ERROR"
    lacks "$(cat "$log")" "  try: "
  done
  status=0
  lxc-start "${P[@]}" "${N[@]}" --plan -o "$log" >&- 2>"$LXCPATH/said" || status=$?
  equals "$status" 1
  contains "$(cat "$LXCPATH/said")" "standard output"
  lacks "$(cat "$log")" "creating the container's first process"
  # No lock of the host for the container, and none that stays held.
  equals "$(lxc-execute "${P[@]}" -n "$NAME-x" -- readlink /proc/self/fd/0 <&-)" /dev/null
}

@test "a configuration that can't be started is refused in the same words" {
  make_container <<<"lxc.uts.nmae = x"
  says_the_same start "${P[@]}" "${N[@]}"
  make_container other <<<"lxc.net.0.type = veth
lxc.net.0.ipv4.address = 10.0.3.300/24"
  says_the_same start "${P[@]}" -n other
}

@test "what the quick program can't do, the complete one does" {
  plain_container
  says_the_same start "${P[@]}" "${N[@]}" --plan
  says_the_same start "${P[@]}" "${N[@]}" --plan=json
  contains "$(lxc-start "${P[@]}" "${N[@]}" --plan)" "creating the container's first process"
  equals "$(state)" STOPPED
}

@test "a link of another name becomes that command" {
  plain_container
  ln -s "$(readlink -f "$BERTH_BIN/lxc-start")" "$LXCPATH/lxc-info"
  contains "$("$LXCPATH/lxc-info" "${P[@]}" "${N[@]}")" "State:          STOPPED"
}

@test "the complete program starts and stops what the quick one stops and starts" {
  plain_container
  complete start "${P[@]}" "${N[@]}" 3>&-
  equals "$(lxc-attach "${P[@]}" "${N[@]}" -- hostname)" "$NAME"
  lxc-stop "${P[@]}" "${N[@]}" -k
  lxc-start "${P[@]}" "${N[@]}" 3>&-
  equals "$(complete attach "${P[@]}" "${N[@]}" -- hostname)" "$NAME"
  complete freeze "${P[@]}" "${N[@]}"
  equals "$(state)" FROZEN
  lxc-unfreeze "${P[@]}" "${N[@]}"
  complete stop "${P[@]}" "${N[@]}" -k
  lxc-wait "${P[@]}" "${N[@]}" -s STOPPED -t 5
}

@test "its addresses are random and its relocated data is read-only" {
  is_sanitized && skip "linked otherwise"
  local program
  program=$(readlink -f "$BERTH_BIN/lxc-start")
  contains "$(readelf -hW "$program")" "DYN (Position-Independent"
  contains "$(readelf -lW "$program")" "GNU_RELRO"
  plain_container
  lxc-start "${P[@]}" "${N[@]}" -F 3>&- </dev/null >/dev/null 2>&1 &
  local pid=$!
  running() { [ "$(state)" = RUNNING ]; }
  eventually 10 running
  local data
  data=$(awk -v p="$program" '$6 == p && $2 ~ /^r--p/' "/proc/$pid/maps")
  [ -n "$data" ] || fail "no read-only mapping: $(cat "/proc/$pid/maps")"
  case $(awk -v p="$program" '$6 == p { print $1; exit }' "/proc/$pid/maps") in
  5* | 7f*) ;;
  *) fail "not at a random address: $(cat "/proc/$pid/maps")" ;;
  esac
  lxc-stop "${P[@]}" "${N[@]}" -k
  wait "$pid" || true
}
