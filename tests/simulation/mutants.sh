#!/usr/bin/env bash
# Puts each fault of mutants/ into a copy of the repository, and runs schedules until one finds it.
# Names of faults as arguments select some. Fails if a fault is not found, or does not compile.
set -euo pipefail
cd "$(dirname "$0")/../.."
schedules=${SCHEDULES:-10000}
copy=$(mktemp -d)
trap 'git worktree remove --force "$copy"' EXIT
git worktree add --quiet --detach "$copy" HEAD
export CARGO_TARGET_DIR=$PWD/target/mutants
missed=()
for patch in tests/simulation/mutants/*.patch; do
    name=$(basename "$patch" .patch)
    [ $# -gt 0 ] && [[ " $* " != *" $name "* ]] && continue
    git -C "$copy" checkout --quiet -- .
    git -C "$copy" apply "$PWD/$patch"
    (cd "$copy" && RUSTFLAGS=-Awarnings cargo build --quiet --profile checked -p cqlwire-simulation)
    # A fault may also make a schedule run for ever.
    if output=$(timeout 600 "$CARGO_TARGET_DIR/checked/simulate" run --schedules "$schedules" 2>/dev/null); then
        missed+=("$name")
        echo "$name: NOT FOUND in $schedules schedules"
    else
        printf '%s: found after %s schedules: %s\n' "$name" \
            "$(grep -oE -m1 '^[0-9]+ schedules, ' <<<"$output" | cut -d' ' -f1)" \
            "$(grep -m1 -oE 'BROKEN: .{0,120}' <<<"$output")"
    fi
done
[ ${#missed[@]} -eq 0 ]
