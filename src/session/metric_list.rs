//! The metrics that the driver reports to the `metrics` facade. Three things are generated from
//! this one list: the table in the documentation of [`Metrics`](super::Metrics), the descriptions
//! for recorders, and the handles.

/// Calls a macro with the metrics of a session. Each has a kind, a name and a description; a
/// counter or gauge also has the function that reads its value from a [`Metrics`](super::Metrics).
macro_rules! session_metrics {
    ($macro:ident) => {
        $macro! {
            Counter "cassandra.session.bytes-sent"
                "Bytes sent, including frame headers" => |session| session.bytes_sent;
            Counter "cassandra.session.bytes-received"
                "Bytes received, including frame headers" => |session| session.bytes_received;
            Gauge "cassandra.session.connected-nodes"
                "Nodes with an open connection" => |session| session.connected_nodes;
            Histogram "cassandra.session.cql-requests"
                "Seconds until the response of a request was read, or until the request failed";
            Counter "cassandra.session.cql-client-timeouts"
                "Requests that failed because their timeout expired" =>
                |session| session.client_timeouts;
            Gauge "cassandra.session.cql-prepared-cache-size"
                "Prepared statements in the cache" => |session| session.prepared_statements;
            Histogram "cassandra.session.throttling.delay"
                "Time that requests waited for the throttle, in seconds";
            Gauge "cassandra.session.throttling.queue-size"
                "Requests waiting for the throttle" => |session| session.throttling_queue;
            Counter "cassandra.session.throttling.errors"
                "Requests that the throttle rejected" => |session| session.throttling_errors;
        }
    };
}
pub(super) use session_metrics;

/// Calls a macro with the metrics of a node, as `session_metrics` does. Their values are read from
/// a [`NodeMetrics`](super::NodeMetrics).
macro_rules! node_metrics {
    ($macro:ident) => {
        $macro! {
            Gauge "cassandra.nodes.pool.open-connections"
                "Open connections" => |node| node.open_connections;
            Gauge "cassandra.nodes.pool.available-streams"
                "Requests that could be sent without waiting for a stream id" =>
                |node| node.available_streams;
            Gauge "cassandra.nodes.pool.in-flight"
                "Requests waiting for a response" => |node| node.in_flight;
            Gauge "cassandra.nodes.pool.orphaned-streams"
                "Stream ids of requests that their callers abandoned" =>
                |node| node.orphaned_streams;
            Counter "cassandra.nodes.bytes-sent"
                "Bytes sent to the node, including frame headers" => |node| node.bytes_sent;
            Counter "cassandra.nodes.bytes-received"
                "Bytes received from the node, including frame headers" =>
                |node| node.bytes_received;
            Histogram "cassandra.nodes.cql-messages"
                "Seconds until a response was read, including error responses";
            Counter "cassandra.nodes.errors.request.unsent"
                "Attempts that failed before a byte of the request was written" =>
                |node| node.errors.unsent;
            Counter "cassandra.nodes.errors.request.aborted"
                "Attempts that timed out or whose connection closed" => |node| node.errors.aborted;
            Counter "cassandra.nodes.errors.request.write-timeouts"
                "Attempts that failed with a write timeout" => |node| node.errors.write_timeouts;
            Counter "cassandra.nodes.errors.request.read-timeouts"
                "Attempts that failed with a read timeout" => |node| node.errors.read_timeouts;
            Counter "cassandra.nodes.errors.request.unavailables"
                "Attempts that failed because too few replicas were alive" =>
                |node| node.errors.unavailables;
            Counter "cassandra.nodes.errors.request.others"
                "Attempts that failed with another error" => |node| node.errors.others;
            Counter "cassandra.nodes.retries.total"
                "Retries that the retry policy decided" => |node| node.retries.total();
            Counter "cassandra.nodes.retries.aborted"
                "Retries after an attempt without a response" =>
                |node| node.retries.aborted + node.retries.unsent;
            Counter "cassandra.nodes.retries.read-timeout"
                "Retries after a read timeout" => |node| node.retries.read_timeouts;
            Counter "cassandra.nodes.retries.write-timeout"
                "Retries after a write timeout" => |node| node.retries.write_timeouts;
            Counter "cassandra.nodes.retries.unavailable"
                "Retries because too few replicas were alive" =>
                |node| node.retries.unavailables;
            Counter "cassandra.nodes.retries.other"
                "Retries after another error" => |node| node.retries.others;
            Counter "cassandra.nodes.speculative-executions"
                "Speculative executions started because this node was slow or stopped answering" =>
                |node| node.speculative_executions;
            Counter "cassandra.nodes.errors.request.disconnected"
                "Attempts in flight when the connection closed, a part of the aborted ones" =>
                |node| node.disconnected;
            Counter "cassandra.nodes.pool.graceful-disconnects"
                "Connections drained because the node was shutting down" =>
                |node| node.graceful_disconnects;
            Counter "cassandra.nodes.errors.connection.init"
                "Connections that could not be opened for a reason other than authentication" =>
                |node| node.connection_errors;
            Counter "cassandra.nodes.errors.connection.auth"
                "Connections that failed to authenticate" => |node| node.authentication_errors;
            Counter "cassandra.nodes.errors.unattributed"
                "Errors of the node that named no request, such as OVERLOADED on stream 0" =>
                |node| node.unattributed_errors;
        }
    };
}
pub(super) use node_metrics;
