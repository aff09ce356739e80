//! The arguments that let every generation of Cassandra run on Java 17, and start fast.

/// Cassandra's main class, the last argument.
pub(crate) const MAIN_CLASS: &str = "org.apache.cassandra.service.CassandraDaemon";

const NODETOOL_CLASS: &str = "org.apache.cassandra.tools.NodeTool";

/// Where a JVM finds its things: on this machine, or in a container.
pub(crate) struct Layout<'a> {
    /// The jar that measures memory.
    pub(crate) jamm: &'a str,
    /// The folder of jars.
    pub(crate) jars: &'a str,
    /// The folder of `cassandra.yaml` and `logback.xml`.
    pub(crate) config: &'a str,
}

/// A JVM's arguments, without those that name ports and folders, and without the main class.
pub(crate) fn jvm_args(layout: &Layout<'_>) -> Vec<String> {
    let mut args: Vec<String> = FIXED.iter().map(|&arg| arg.to_owned()).collect();
    args.extend(opened());
    let config = layout.config;
    // Without its agent jamm falls back to Unsafe, which fails on hidden classes.
    args.push(format!("-javaagent:{}", layout.jamm));
    args.push(format!("-Dcassandra.config=file://{}/cassandra.yaml", config.replace(' ', "%20")));
    args.push(format!("-Dlogback.configurationFile={config}/logback.xml"));
    args.push("-cp".to_owned());
    args.push(format!("{}/*", layout.jars));
    args
}

/// A JVM's arguments for `nodetool`, without those that say which node to speak to. It keeps its
/// history in the home of its user, which is the node's folder here.
pub(crate) fn nodetool_args(layout: &Layout<'_>) -> Vec<String> {
    let tuned = ["-Xmx128M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
    let mut args: Vec<String> = tuned.map(str::to_owned).to_vec();
    args.extend(opened());
    args.push(format!("-Duser.home={}", layout.config));
    args.push(format!("-Dlogback.configurationFile={}/logback.xml", layout.config));
    args.extend(["-cp".to_owned(), format!("{}/*", layout.jars), NODETOOL_CLASS.to_owned()]);
    args
}

/// What of Java itself Cassandra reaches into.
fn opened() -> impl Iterator<Item = String> {
    let both = |package| ["opens", "exports"].map(|by| format!("--add-{by}={package}=ALL-UNNAMED"));
    OPEN_PACKAGES.into_iter().flat_map(both)
}

const FIXED: [&str; 12] = [
    "-Xmx512M",
    "-XX:+UseSerialGC",
    // A node lives for seconds: the optimizing compiler would only compete with the start.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    // Writes to the system's temporary folder, where a killed JVM leaves it.
    "-XX:-UsePerfData",
    // UDFs are sandboxed by a security manager.
    "-Djava.security.manager=allow",
    "-Djdk.attach.allowAttachSelf=true",
    // Otherwise Cassandra closes stdout, and with it the log, once it is up.
    "-Dcassandra-foreground=yes",
    // There is nobody to wait for: no gossip to settle, no ring to watch, no peer with roles.
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.ring_delay_ms=1000",
    "-Dcassandra.consistent.rangemovement=false",
    "-Dcassandra.superuser_setup_delay_ms=0",
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
    fn paths_with_spaces_stay_whole() {
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
