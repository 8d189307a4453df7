# ./dev nightly: the long things, one after another, with a report. Read by ./dev.

# One line a step: name | what it shows | command | command with --quick ("-": left out)
nightly_steps() {
  local check='style, sanitizers, second compiler, header sets'
  echo "check|$check|./dev check|./dev check layers style format headers"
  echo "tests|every test of the debug build|./dev test|./dev test"
  echo "repeat|tests of async and rpc many times over|repeat_tests 20|repeat_tests 2"
  if [[ -d tests/simulation ]]; then
    echo "simulate|peers on a broken network, 10,000 seeds|simulate_many 10000|simulate_many 200"
    echo "links|callers whose servers come and go, 20,000 seeds|links_many 20000|links_many 200"
    echo "entrance|protocols told apart there, 3,000 seeds|entrance_many 3000|entrance_many 100"
    echo "planted|bugs that the simulation must find|tests/simulation/planted/run.py|-"
  fi
  echo "soak|full load for minutes, memory flat within 2 %|soak 10|soak 1"
  echo "fuzz|every decoder against made-up input, 5 minutes each|fuzz_all 300|fuzz_all 10"
  echo "gcc-asan|unit tests by g++ under address and undefined sanitizers|test_gcc_asan|-"
  echo "release|every test of the optimised build|test_release|-"
  if [[ -f bench/rpc.py ]]; then
    echo "bench-rpc|echo beside a bare epoll server, gRPC, Thrift and Cap'n Proto|./dev bench rpc|-"
  fi
  echo "tidy|clang-tidy over everything|./dev build tidy|-"
}

# COUNT [OPTION]: so many seeds of the simulation, as many processes at a time as there are jobs.
simulate_many() {
  build debug simulate
  local program=build/debug/tests/simulation/simulate chunk=100
  seq 1 "$chunk" "$1" |
    xargs -P "$jobs" -I '{}' "$program" "${@:2}" --seeds "$chunk" --from '{}' |
    awk '/ passed, / { passed += $1; failed += $3; next } { print }
         END { print passed + 0 " passed, " failed + 0 " failed"; exit failed != 0 }'
}

entrance_many() { simulate_many "$1" --entrance; }
links_many() { simulate_many "$1" --links; }

# MINUTES of full load on two cores.
soak() {
  build release soak
  build/release/tests/soak/soak --minutes "$1"
}

# Every fuzz target for SECONDS, as many at a time as there are jobs. What is found new stays in
# build/fuzz/corpus for the next night; a crash is a file in build/fuzz/crashes.
fuzz_all() {
  build fuzz fairlead_fuzz
  local program=build/fuzz/fuzz/fairlead_fuzz folder=build/fuzz
  mkdir -p "$folder/crashes" "$folder/logs"
  export program folder
  "$program" --list | xargs -P "$jobs" -I '{}' bash -c '
    mkdir -p "$folder/corpus/$1"
    if "$program" "$1" "$folder/corpus/$1" "fuzz/corpus/$1" "-max_total_time=$2" -max_len=65536 \
        -timeout=10 -rss_limit_mb=1024 "-artifact_prefix=$folder/crashes/$1-" \
        >"$folder/logs/$1.log" 2>&1; then
      echo "$1: $(grep "^Done" "$folder/logs/$1.log")"
    else
      tail -n 60 "$folder/logs/$1.log"
      echo "$1: FAILED; the input lies in $folder/crashes"
      exit 1
    fi' _ '{}' "$1"
}

# The tests in which order and timing matter most, COUNT times each.
repeat_tests() {
  build debug
  local list
  list=$(ctest --test-dir build/debug -N -L '^room-(async|rpc)$')
  if [[ $list == *'Total Tests: 0'* ]]; then
    echo "repeat: neither async nor rpc is there yet"
    return
  fi
  run_tests debug -L '^room-(async|rpc)$' --repeat "until-fail:$1"
}

# The other compiler's coroutines, watched as well. Under sanitizers g++ makes no sibling calls (its
# bug 100897), so a chain of a million tasks does use the stack there.
test_gcc_asan() {
  build gcc-asan
  run_tests gcc-asan -L '^unit$' -E 'Task.AwaitsAMillionOthersWithoutGrowingTheStack'
}

test_release() {
  build release
  run_tests release
}

report_head() {  # KIND
  printf '# Nightly run\n\n'
  printf -- '- Date: %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')"
  printf -- '- Version: %s\n' "$(git describe --tags --always --dirty 2>/dev/null || echo unknown)"
  printf -- '- Machine: %s, %s processors, %s\n' "$(uname -srm)" "$(nproc)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
  printf -- '- Compilers: %s; %s\n' "$(clang++-19 --version | head -n 1)" \
    "$(g++-12 --version | head -n 1)"
  printf -- '- Kind: %s\n\n' "$1"
  printf '| Step | What it shows | Command | Result | Seconds | Output |\n'
  printf '|---|---|---|---|--:|---|\n'
}

nightly() {
  local quick='' option
  for option in "$@"; do
    case $option in
      --quick) quick=1 ;;
      --list)
        nightly_steps | while IFS='|' read -r name what full short; do
          printf '%-10s %s\n           %s   (--quick: %s)\n' "$name" "$what" "$full" \
            "${short/#-/left out}"
        done
        return
        ;;
      *) die "nightly: there is no option '$option'; there are --quick and --list" ;;
    esac
  done

  setup build test check bench
  local folder=$root/build/nightly
  local report=$folder/report.md name what full short run status began result
  local -a failed=()
  mkdir -p "$folder"
  local kind=full
  if [[ -n $quick ]]; then kind='quick (steps cut short or left out)'; fi
  report_head "$kind" >"$report"
  # Descriptor 3 feeds the list, so that no step can swallow it.
  while IFS='|' read -r -u 3 name what full short; do
    run=${quick:+$short}
    run=${run:-$full}
    if [[ $run == - ]]; then
      printf '| %s | %s | `%s` | left out | | |\n' "$name" "$what" "$full" >>"$report"
      continue
    fi
    say "==> nightly $name: $run"
    began=$SECONDS
    set +e
    (set -e; exec 3<&-; $run) </dev/null 2>&1 | tee "$folder/$name.log"
    status=${PIPESTATUS[0]}
    set -e
    result=passed
    if ((status != 0)); then result="FAILED ($status)" failed+=("$name"); fi
    printf '| %s | %s | `%s` | %s | %d | [log](%s.log) |\n' "$name" "$what" "$run" "$result" \
      $((SECONDS - began)) "$name" >>"$report"
  done 3< <(nightly_steps)

  say "==> nightly: report in build/nightly/report.md"
  cat "$report"
  if ((${#failed[@]} > 0)); then die "nightly: failed: ${failed[*]}"; fi
}
