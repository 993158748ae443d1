# berth's configuration language against the distribution's liblxc, question by question.
load lib

setup_file() { is_berth || skip "berth's own"; }

@test "set, get, clear, keys and saved text as liblxc has them, but for the differences that are meant" {
  local status=0
  needs_built "$BERTH_BIN/config_probe"
  /usr/bin/python3 "$REPO/tests/compat/config_oracle.py" "$BERTH_BIN/config_probe" >"$LXCPATH/answers" 2>&1 || status=$?
  [ "$status" != 77 ] || skip "$(cat "$LXCPATH/answers")"
  tail -n 40 "$LXCPATH/answers"
  [ "$status" = 0 ]
}

@test "configurations as others write them: checked, saved byte for byte, the same values as in liblxc; old ones after lxc-update-config" {
  needs_built "$BERTH_BIN/config_probe"
  /usr/bin/python3 "$REPO/tests/compat/config_files.py" "$BERTH_BIN/berth" "$BERTH_BIN/config_probe" "$REPO/share/config"
}
