//! The JVM arguments that every version of Cassandra needs on Java 17, and those that make it start
//! fast.

/// Cassandra's main class, the last argument.
pub(crate) const MAIN_CLASS: &str = "org.apache.cassandra.service.CassandraDaemon";

const NODETOOL_CLASS: &str = "org.apache.cassandra.tools.NodeTool";

/// The paths of a node's files, on this machine or in a container.
pub(crate) struct Layout<'a> {
    /// The jar of the Java agent that measures memory.
    pub(crate) jamm: &'a str,
    /// The folder of Cassandra's jars.
    pub(crate) jars: &'a str,
    /// The folder of `cassandra.yaml` and `logback.xml`.
    pub(crate) config: &'a str,
}

/// Returns the JVM arguments of a node, without those for ports and data folders and without the
/// main class.
pub(crate) fn jvm_args(layout: &Layout<'_>) -> Vec<String> {
    let mut args: Vec<String> = FIXED.iter().map(|&arg| arg.to_owned()).collect();
    args.extend(open_package_args());
    let config = layout.config;
    // Without the agent, jamm falls back to Unsafe, which fails on hidden classes.
    args.push(format!("-javaagent:{}", layout.jamm));
    args.push(format!("-Dcassandra.config=file://{}/cassandra.yaml", config.replace(' ', "%20")));
    args.push(format!("-Dlogback.configurationFile={config}/logback.xml"));
    args.push("-cp".to_owned());
    args.push(format!("{}/*", layout.jars));
    args
}

/// Returns the JVM arguments of `nodetool`, without those that select a node. `nodetool` writes its
/// history into the user's home, which is set to the node's folder.
pub(crate) fn nodetool_args(layout: &Layout<'_>) -> Vec<String> {
    let tuned = ["-Xmx128M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
    let mut args: Vec<String> = tuned.map(str::to_owned).to_vec();
    args.extend(open_package_args());
    args.push(format!("-Duser.home={}", layout.config));
    args.push(format!("-Dlogback.configurationFile={}/logback.xml", layout.config));
    args.extend(["-cp".to_owned(), format!("{}/*", layout.jars), NODETOOL_CLASS.to_owned()]);
    args
}

/// Returns the arguments that open Java's internal packages to Cassandra.
fn open_package_args() -> impl Iterator<Item = String> {
    let both = |package| ["opens", "exports"].map(|by| format!("--add-{by}={package}=ALL-UNNAMED"));
    OPEN_PACKAGES.into_iter().flat_map(both)
}

const FIXED: [&str; 12] = [
    "-Xmx512M",
    "-XX:+UseSerialGC",
    // A node runs for seconds only, and the optimizing compiler would slow its start.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    // The performance data file is in the system's temporary folder, and a killed JVM leaves it.
    "-XX:-UsePerfData",
    // Cassandra runs UDFs in a sandbox that uses a security manager.
    "-Djava.security.manager=allow",
    "-Djdk.attach.allowAttachSelf=true",
    // Without it, Cassandra closes stdout, and with it the log, after its start.
    "-Dcassandra-foreground=yes",
    // These shorten waits that a new cluster does not need: for gossip, for the ring, for roles. A node
    // repeats the set-up of roles after the last one, until the others answer.
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.ring_delay_ms=1000",
    "-Dcassandra.consistent.rangemovement=false",
    "-Dcassandra.superuser_setup_delay_ms=100",
];

const OPEN_PACKAGES: [&str; 30] = [
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.math",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.fs",
    "java.logging/java.util.logging",
    "java.management/java.lang.management",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.rmi/sun.rmi.transport.tcp",
    "java.sql/java.sql",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.management/com.sun.management.internal",
    "jdk.management.jfr/jdk.management.jfr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_paths_with_spaces_in_one_argument() {
        let layout = Layout { jamm: "/a b/jamm.jar", jars: "/a b/jars", config: "/a b/node1" };
        let args = jvm_args(&layout);
        for arg in [
            "-javaagent:/a b/jamm.jar",
            "-Dcassandra.config=file:///a%20b/node1/cassandra.yaml",
            "/a b/jars/*",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "--add-exports=java.base/java.nio=ALL-UNNAMED",
        ] {
            assert!(args.iter().any(|a| a == arg), "no `{arg}` in {args:?}");
        }
    }
}
