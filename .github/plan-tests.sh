#!/usr/bin/env bash
# usage: plan-tests.sh [BASE]: which suites a change needs, as `suites=<JSON list of npm scripts>`.
#
# Without BASE, or with a file among the changes that no line below knows, every suite: what is left out is known not to
# read the file. Documents are read by tests of the unit suite, which is the quickest, so that one always runs.
set -euo pipefail

all="unit conformance engine api"

suites_of() {
  case "$1" in
  *.md | docs/* | .github/* | LICENSE | .prettierignore) echo unit ;;
  bench/*) echo unit ;;
  test/conformance/*) echo conformance ;;
  test/engine/*) echo engine ;;
  test/api/*) echo api ;;
  test/*/*) echo unit conformance engine ;; # they read each other's files
  *) echo "$all" ;;
  esac
}

needed=unit
if [ -z "${1:-}" ]; then
  needed=$all
else
  changed=$(git diff --name-only --no-renames "$1" HEAD)
  while IFS= read -r file; do
    [ -z "$file" ] || needed="$needed $(suites_of "$file")"
  done <<<"$changed"
fi

list=""
for suite in $all; do
  case " $needed " in *" $suite "*) list="$list${list:+,}\"test:$suite\"" ;; esac
done
echo "suites=[$list]"
