# Runs "$@", a node's process, and kills it when the harness ends.
#
# The harness holds the other end of stdin, a pipe. Each line is a signal to forward to the node. At
# the end of input the harness has ended or wants the node killed. The node does not inherit the pipe.
# If $CONTAINER is set, "$@" only attaches to the container of that name, and signals go to it.
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

# Exit with the node's status, so that the harness sees how the node ended.
exec 3<&-
wait "$node"
status=$?
kill -9 "$reader" 2>/dev/null
exit "$status"
