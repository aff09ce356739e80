//! The CQL scripts that run before the nodes are ready.

use crate::cli::Failure;
use crate::session::Session;
use crate::shell::run_schema_script;

/// Runs a script like `cqlwire shell -f`, without its output. Each failure is printed with the file
/// and the line.
///
/// # Errors
/// Returns an error if a statement fails.
pub(super) async fn run_schema(
    nodes: Vec<String>,
    file: &str,
    script: &str,
) -> Result<(), Failure> {
    let builder = Session::builder().contact_points(nodes).fetch_schema(false);
    run_schema_script(builder, file, script).await
}
