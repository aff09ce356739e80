//! The CQL scripts that run before the nodes are ready.

use std::io;

use crate::cli::Failure;
use crate::session::Session;
use crate::shell::Shell;
use crate::wire::Consistency;

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
    let session = Session::builder().contact_points(nodes).fetch_schema(false);
    let session = session.connect().await?;
    let mut shell = Shell::new(session, Some(Consistency::One), io::sink());
    shell.run(file, script).await?;
    shell.finish()
}
