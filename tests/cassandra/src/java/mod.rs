//! Nodes run by the local Java 17, from jars that Maven downloads.

mod jars;
mod jdk;
mod jvm;

pub(crate) use jars::fetch_jars;
pub(crate) use jdk::Jdk;
use jvm::nodetool_args;
pub(crate) use jvm::{Layout, MAIN_CLASS, jvm_args};

use std::{fs, net::Ipv4Addr, path::PathBuf, process::Command};

use crate::{
    Options,
    config::RACKDC,
    error::{Error, IoContext},
    plan::Plan,
    ports::free_port,
    recipe::Recipe,
    run_dir::create_dir,
};

/// The advice of errors about missing Java 17 or Maven.
const INSTALL: &str = "install Java 17 and Maven (Debian: `apt install openjdk-17-jre-headless \
                       maven`, macOS: `brew install openjdk@17 maven`) and set JAVA_HOME to that \
                       Java, or start a Docker daemon";

/// The argument that gives nodes other than the seed 30 s to learn the ring before they end.
///
/// When a node restarts after a crash, the seed must first notice that its old connection to the
/// node is lost. On a busy machine this can take longer than the second that [`jvm_args`] allow. The
/// seed keeps that second, because it always waits for the full time when it starts alone.
const RING_DELAY: &str = "-Dcassandra.ring_delay_ms=30000";

/// Largest number of nodes with the full heap of [`jvm_args`].
const MANY_NODES: u8 = 3;

/// The argument that lets many nodes run on a small machine.
const SMALL_HEAP: &str = "-Xmx256M";

/// Checks that this machine can run the nodes of `options`: Java 17 is installed, and the jars are
/// cached or Maven is installed.
///
/// # Errors
/// Returns an error that names the missing requirement.
pub(crate) fn require_java(options: &Options) -> Result<(), Error> {
    Jdk::find()?;
    (1..=options.nodes).try_for_each(|number| jars::require_jars(options.version_of(number)))
}

/// The files that all Java nodes of one version share.
pub(crate) struct JavaNodes {
    java: PathBuf,
    jars: PathBuf,
    jamm: String,
}

impl JavaNodes {
    /// Finds Java, and downloads the jars of `version` if they are not cached.
    pub(crate) fn prepare(options: &Options, version: &str) -> Result<Self, Error> {
        let java = Jdk::find()?.java();
        let jars = fetch_jars(version, options.progress)?;
        let jamm = jars::jamm_jar(&jars)?;
        Ok(Self { java, jars, jamm })
    }

    /// Empties the folder of node `number`, writes the node's files into it, and returns the commands
    /// that start the node.
    pub(crate) fn recipe(&self, plan: &Plan<'_>, number: u8) -> Result<Recipe, Error> {
        let dir = plan.run.node(number);
        if dir.exists() {
            fs::remove_dir_all(&dir).context(|| format!("emptying {}", dir.display()))?;
        }
        // A folder of its own, because libraries unpack native code into the temporary folder and a
        // killed JVM leaves it there.
        create_dir(&dir.join("tmp"))?;
        let dir_text = dir.display().to_string();
        plan.write_config(&dir, &plan.config(number, &dir_text, &dir_text))?;

        let jars = self.jars.display().to_string();
        let layout = Layout { jamm: &self.jamm, jars: &jars, config: &dir_text };
        let jmx_port = free_port(&[Ipv4Addr::LOCALHOST])?;
        let mut command = Command::new(&self.java);
        command.current_dir(&dir);
        command.args(jvm_args(&layout));
        command.arg(format!("-Dcassandra.jmx.local.port={jmx_port}"));
        command.arg(format!("-Dcassandra.storagedir={dir_text}"));
        command.arg(format!("-Djava.io.tmpdir={dir_text}/tmp"));
        command.arg(format!("-XX:ErrorFile={}/hs_err_%p.log", plan.run.logs().display()));
        if number > 1 {
            command.arg(RING_DELAY);
        }
        if plan.options.nodes > MANY_NODES {
            command.arg(SMALL_HEAP);
        }
        if plan.options.location(number).is_some() {
            let dir = dir_text.replace(' ', "%20");
            command.arg(format!("-D{RACKDC}=file://{dir}/{RACKDC}"));
        }
        command.args(&plan.options.jvm_args).arg(MAIN_CLASS);
        Ok(Recipe::process(dir, command, self.nodetool(&layout, jmx_port)))
    }

    /// Returns the `nodetool` command for the node whose JMX listens on this port.
    fn nodetool(&self, layout: &Layout<'_>, jmx_port: u16) -> Command {
        let mut command = Command::new(&self.java);
        command.args(nodetool_args(layout)).args(["-h", "127.0.0.1", "-p", &jmx_port.to_string()]);
        command
    }
}
