# SPDX-License-Identifier: MIT
# What the tests of programs share; to be sourced. $work is a folder of their own, where they stand; `log` in it is what programs said.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
: >log

passed=0
check() {  # check WHAT COMMAND...
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    echo "FAILED: $what"
    tail -n 3 log
    exit 1
  fi
}
refused() {  # refused TEXT COMMAND...: it must fail with one line that holds TEXT
  local text=$1 output
  shift
  if output=$("$@" 2>&1 >/dev/null); then return 1; fi
  [ "$(wc -l <<<"$output")" = 1 ] && grep -qF -- "$text" <<<"$output" && return 0
  echo "got: $output"
  return 1
}
same_run() {  # same_run FOLDER FOLDER: the same bytes, but for speed and time
  cmp "$1/last.safetensors" "$2/last.safetensors" && cmp "$1/best.safetensors" "$2/best.safetensors" &&
    [ "$(cut -d, -f1-4 "$1/metrics.csv")" = "$(cut -d, -f1-4 "$2/metrics.csv")" ]
}
# interrupt_until_done FOLDER FRESH COMMAND...: Ctrl-C, again and again, each time to a process of its own; ${resume[@]} is how to go on. Each time it must
# save into FOLDER and exit with 130, and there must be one time at least.
interrupt_until_done() {
  local folder=$1 stops=0 try status pid
  shift
  "$@" >>log 2>&1 &
  pid=$!
  for try in $(seq 1 40); do
    sleep "0.$((2 + try % 5))"
    kill -INT $pid 2>/dev/null
    wait $pid
    status=$?
    [ $status = 0 ] && break
    if [ -f "$folder/last.safetensors" ]; then
      [ $status = 130 ] || { echo "status 130 after Ctrl-C, got $status" && return 1; }
      stops=$((stops + 1))
      "${resume[@]}" >>log 2>&1 &
    else  # the signal came before the run had begun
      rm -rf "$folder"
      "$@" >>log 2>&1 &
    fi
    pid=$!
    [ $try -ge 6 ] && sleep 3  # lest a slow machine never comes to the end
  done
  wait $pid 2>/dev/null
  [ $stops -ge 1 ]
}
