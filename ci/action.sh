#!/usr/bin/env bash
# One command of ftlineage with the action's inputs (action.yml) as its arguments; its exit code is the step's.
# Inputs are variables, never text of a script: a path named `$(...)` or `--output` stays a path.
# No `set -u`: to the bash of macOS an empty list is an unset one.
set -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -n "${HF_TOKEN:-}" ] || unset HF_TOKEN

paths=()
while IFS= read -r line; do
  line="${line#"${line%%[![:space:]]*}"}"
  line="${line%"${line##*[![:space:]]}"}"
  [ -n "$line" ] && paths+=("$line")
done <<<"${INPUT_PATHS:-}"

finish() {
  echo "exit-code=$1" >>"$GITHUB_OUTPUT"
  exit "$1"
}

# Print what the Hub or a file had a say in: no line of it is a command to the runner.
show() {
  local token="ftlineage-$RANDOM$RANDOM$RANDOM$RANDOM"
  echo "::stop-commands::$token"
  cat "$1"
  echo "::$token::"
}

# The result on the run's page; four spaces make it text whatever is in it.
summarise() {
  { echo "### ftlineage $INPUT_MODE"; echo; sed 's/^/    /' "$1"; echo; } >>"$GITHUB_STEP_SUMMARY"
}

scan() {
  local options=() code=0
  [ -n "${INPUT_BASELINE:-}" ] && options+=(--baseline "$INPUT_BASELINE")
  if [ -n "${INPUT_SARIF:-}" ]; then
    # Code scanning keeps its own account of what is new, so it gets everything.
    ftlineage scan --format sarif --output "$INPUT_SARIF" --fail-on never "${options[@]}" -- "${paths[@]}" || finish $?
  fi
  [ -n "${INPUT_SINCE:-}" ] && options+=(--since "$INPUT_SINCE")
  [ -n "${INPUT_OUTPUT:-}" ] && options+=(--output "$INPUT_OUTPUT")
  local result="$RUNNER_TEMP/ftlineage-scan.txt"
  ftlineage scan --format "${INPUT_FORMAT:-github}" "${options[@]}" -- "${paths[@]}" >"$result" || code=$?
  if [ "${INPUT_FORMAT:-github}" = github ]; then cat "$result"; else show "$result"; fi
  finish "$code"
}

check() {
  local code=0 result="$RUNNER_TEMP/ftlineage-check.txt"
  ftlineage check -- "${paths[@]}" >"$result" || code=$?
  show "$result"
  summarise "$result"
  finish "$code"
}

drift() {
  local code=0 result="$RUNNER_TEMP/ftlineage-drift.json" page="$RUNNER_TEMP/ftlineage-drift.md"
  ftlineage drift --json -- "${paths[@]}" >"$result" || code=$?
  python "$here/drift_issue.py" page "$result" >"$page" || finish 3
  show "$page"
  cat "$page" >>"$GITHUB_STEP_SUMMARY"
  if [ "${INPUT_ISSUE:-false}" = true ]; then
    python "$here/drift_issue.py" issue "$result" || finish 3
  fi
  finish "$code"
}

case "${INPUT_MODE:-scan}" in
  scan) scan ;;
  check) check ;;
  drift) drift ;;
  *)
    echo "::error::mode must be scan, check or drift"
    finish 2
    ;;
esac
