# The steps of ./dev check. Read by ./dev; uses say(), die(), build(), run_tests() from there.

check_steps=(layers style format asan gcc headers tsan outside)

# Rooms in which threads meet; their tests run under the thread sanitizer.
threaded_rooms=(async io store upstream rpc runtime service gateway)

# What may include what.
step_layers() { python3 -B scripts/check_layers.py; }

# How code is written.
step_style() { python3 -B scripts/check_style.py; }

step_format() {
  cpp_files | xargs -0 -r clang-format-19 --dry-run -Werror
  echo "format: clang-format would change nothing"
}

# Every test, with address and undefined-behaviour sanitizers; the fuzz corpora are among them.
step_asan() {
  build asan
  run_tests asan
}

# The second compiler: builds everything, runs the unit tests.
step_gcc() {
  build gcc
  run_tests gcc -L '^unit$'
}

# Each public header compiles alone.
step_headers() {
  build debug all_verify_interface_header_sets
}

# The threaded rooms' tests, with the thread sanitizer.
step_tsan() {
  local room
  local -a rooms=() targets=()
  for room in "${threaded_rooms[@]}"; do
    if grep -qs '^ *TESTS ' "src/fairlead/$room/CMakeLists.txt"; then
      rooms+=("$room")
      targets+=("${room}_test")
    fi
  done
  if ((${#rooms[@]} == 0)); then
    echo "tsan: none of these rooms is there yet: ${threaded_rooms[*]}"
    rm -f "$logs/ctest-tsan.log"
    return
  fi
  build tsan "${targets[@]}"
  run_tests tsan -R "^($(IFS='|' && echo "${rooms[*]}"))\."
}

step_outside() { outside_cases; }

# Runs `step_$1` and remembers in `failed` when it fails; the other steps run all the same.
# The function runs in a subshell of its own so that `set -e` stays on inside it.
run_step() {
  local name=$1 began=$SECONDS status=0
  say "==> check $name ($((SECONDS - check_began)) s since the start)"
  set +e
  (set -e; "step_$name")
  status=$?
  set -e
  if ((status != 0)); then failed+=("$name"); fi
  say "<== check $name: $( ((status == 0)) && echo passed || echo FAILED), $((SECONDS - began)) s"
}

# check [STEP...]: without a name, all of them. Ends with ctest's own summaries of its runs.
check() {
  local step preset check_began=$SECONDS
  local -a failed=()
  for step in "$@"; do
    [[ " ${check_steps[*]} " == *" $step "* ]] ||
      die "check: there is no step '$step'; there are: ${check_steps[*]}"
  done
  if (($# == 0)); then set -- "${check_steps[@]}"; fi
  setup build test check
  rm -f "$logs"/ctest-{asan,gcc,tsan}.log
  for step in "$@"; do run_step "$step"; done

  if ((${#failed[@]} == 0)); then
    say "==> check: all passed ($*), $((SECONDS - check_began)) s"
  else
    say "==> check: FAILED: ${failed[*]}, $((SECONDS - check_began)) s"
  fi
  # The run of all tests comes last.
  for preset in gcc tsan asan; do
    if [[ -f $logs/ctest-$preset.log ]]; then
      printf 'Tests of the %s build:\n' "$preset"
      test_summary "$preset"
    fi
  done
  ((${#failed[@]} == 0))
}
