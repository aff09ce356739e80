#!/usr/bin/env bash
# Puts each fault of mutants/ into a copy of the repository, and runs schedules until one finds it.
# Names of faults as arguments select some. Fails if a fault is not found or does not compile, and if
# schedules break a promise without a fault.
#
#   SCHEDULES=10000   number of schedules for each fault
#   THREADS=2         number of threads
#   SAVE=DIRECTORY    stores the schedule that found each fault, without the faults that do not matter
set -euo pipefail
cd "$(dirname "$0")/../.."
schedules=${SCHEDULES:-10000}
copy=$(mktemp -d)
output=$(mktemp)
trap 'git worktree remove --force "$copy"; rm -f "$output"' EXIT
git worktree add --quiet --detach "$copy" HEAD
export CARGO_TARGET_DIR=$PWD/target/mutants

# Writes the output of a run to a file. Returns 1 if a promise was broken, and 2 if the copy does not compile.
simulate() {
    : >"$output"
    (cd "$copy" && RUSTFLAGS=-Awarnings cargo build --quiet --profile checked -p cqlwire-simulation) || return 2
    local shrink=(--no-shrink)
    [ -n "${SAVE:-}" ] && shrink=(--save "$SAVE/$1")
    timeout 600 "$CARGO_TARGET_DIR/checked/simulate" run --schedules "$schedules" \
        --threads "${THREADS:-2}" "${shrink[@]}" >"$output" 2>/dev/null
}

simulate without-a-fault && status=0 || status=$?
if [ "$status" != 0 ]; then
    echo "a promise is broken without a fault (status $status):" && cat "$output"
    exit 1
fi
missed=()
for patch in tests/simulation/mutants/*.patch; do
    name=$(basename "$patch" .patch)
    [ $# -gt 0 ] && [[ " $* " != *" $name "* ]] && continue
    git -C "$copy" checkout --quiet -- .
    git -C "$copy" apply "$PWD/$patch"
    simulate "$name" && status=0 || status=$?
    broken=$(grep -m1 -oE 'BROKEN: .{0,120}' "$output" || true)
    if [ -n "$broken" ]; then
        seed=$(grep -oE -m1 '^seed [0-9]+' "$output")
        run=$(grep -oE -m1 '^[0-9]+ schedules' "$output" || echo "an unknown number of schedules")
        echo "$name: found by $seed after $run: $broken"
    else
        missed+=("$name")
        echo "$name: NOT FOUND in $schedules schedules (status $status)"
    fi
done
[ ${#missed[@]} -eq 0 ]
