//! Nodes as processes of this machine's Java 17, from jars that Maven fetches.

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
    error::{Error, Trying},
    plan::Plan,
    ports::free_port,
    recipe::Recipe,
    run_dir::create_dir,
};

/// What to do where Java 17 or Maven is missing.
const INSTALL: &str = "install Java 17 and Maven (Debian: `apt install openjdk-17-jre-headless \
                       maven`, macOS: `brew install openjdk@17 maven`) and set JAVA_HOME to that \
                       Java, or start a Docker daemon";

/// How long a node that is not the seed asks for the ring before it gives up and ends.
///
/// After a crash the seed first has to find out that its connection to the node is gone, which on a
/// busy machine may take more than the second of [`jvm_args`]. The seed keeps that second: where no
/// other node runs yet it waits for its end, and then starts.
const PATIENT: &str = "-Dcassandra.ring_delay_ms=30000";

/// What every Java node of a version shares.
pub(crate) struct JavaNodes {
    java: PathBuf,
    jars: PathBuf,
    jamm: String,
}

impl JavaNodes {
    /// Finds Java and fetches the jars of `version` where they are not cached.
    pub(crate) fn prepare(options: &Options, version: &str) -> Result<Self, Error> {
        let java = Jdk::find()?.java();
        let jars = fetch_jars(version, options.progress)?;
        let jamm = jars::jamm(&jars)?;
        Ok(Self { java, jars, jamm })
    }

    /// Writes the files of node `number` into its folder, emptied before, and says how to start it.
    pub(crate) fn recipe(&self, plan: &Plan<'_>, number: u8) -> Result<Recipe, Error> {
        let dir = plan.run.node(number);
        if dir.exists() {
            fs::remove_dir_all(&dir).trying(|| format!("emptying {}", dir.display()))?;
        }
        // Libraries unpack native code into the temporary folder, and a killed JVM leaves it there.
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
            command.arg(PATIENT);
        }
        command.args(&plan.options.jvm_args).arg(MAIN_CLASS);
        Ok(Recipe::process(command, self.nodetool(&layout, jmx_port)))
    }

    /// `nodetool` for the node whose JMX listens on this port.
    fn nodetool(&self, layout: &Layout<'_>, jmx_port: u16) -> Command {
        let mut command = Command::new(&self.java);
        command.args(nodetool_args(layout)).args(["-h", "127.0.0.1", "-p", &jmx_port.to_string()]);
        command
    }
}
