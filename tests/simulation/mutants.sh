#!/usr/bin/env bash
# Puts each fault of mutants/ into a copy of the repository, and runs schedules until one finds it.
# Names of faults as arguments select some. Fails if a fault is not found or does not compile, and if
# schedules break a promise without a fault.
set -euo pipefail
cd "$(dirname "$0")/../.."
schedules=${SCHEDULES:-10000}
copy=$(mktemp -d)
trap 'git worktree remove --force "$copy"' EXIT
git worktree add --quiet --detach "$copy" HEAD
export CARGO_TARGET_DIR=$PWD/target/mutants

# Prints the summary of a run. Fails if a promise was broken.
simulate() {
    (cd "$copy" && RUSTFLAGS=-Awarnings cargo build --quiet --profile checked -p cqlwire-simulation)
    timeout 600 "$CARGO_TARGET_DIR/checked/simulate" run --schedules "$schedules" 2>/dev/null
}

if ! output=$(simulate); then
    echo "a promise is broken without a fault:" && echo "$output"
    exit 1
fi
missed=()
for patch in tests/simulation/mutants/*.patch; do
    name=$(basename "$patch" .patch)
    [ $# -gt 0 ] && [[ " $* " != *" $name "* ]] && continue
    git -C "$copy" checkout --quiet -- .
    git -C "$copy" apply "$PWD/$patch"
    output=$(simulate) && status=0 || status=$?
    if [ "$status" = 1 ] && grep -q BROKEN <<<"$output"; then
        printf '%s: found after %s schedules: %s\n' "$name" \
            "$(grep -oE -m1 '^[0-9]+ schedules, ' <<<"$output" | cut -d' ' -f1)" \
            "$(grep -m1 -oE 'BROKEN: .{0,120}' <<<"$output")"
    else
        missed+=("$name")
        echo "$name: NOT FOUND in $schedules schedules (status $status)"
    fi
done
[ ${#missed[@]} -eq 0 ]
