# Runs "$@", a node's process, and outlives whoever started us just long enough to end it.
#
# Stdin is a pipe that the harness holds. Each line of it is a signal to pass on; its end means that
# the harness is done or dead, and the node has to go. The node itself must not see the pipe.
# With $CONTAINER set, "$@" only watches a container of that name, and signals go to the container.
exec 3<&0

signal() {
    if [ -n "$CONTAINER" ]; then
        docker kill --signal "$1" "$CONTAINER" >/dev/null 2>&1
    else
        kill -s "$1" "$node" 2>/dev/null
    fi
}

"$@" 3<&- </dev/null &
node=$!

{
    while read -r name <&3; do signal "$name"; done
    signal KILL
} &
reader=$!

# We end as the node does, so that the harness can tell a node that died.
exec 3<&-
wait "$node"
status=$?
kill -9 "$reader" 2>/dev/null
exit "$status"
