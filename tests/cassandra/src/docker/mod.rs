//! A node in a container.

mod container;
mod image;

pub(crate) use container::Container;
pub(crate) use image::Image;

use std::{env, process::Command, time::Duration};

use crate::{
    Options,
    config::NodeConfig,
    error::Error,
    java::{Jdk, Layout, MAIN_CLASS, jvm_args},
    plan::Plan,
    recipe::Recipe,
    run_dir::create_dir,
    tool,
};

/// The folder of the configuration in a container.
const CONFIG_DIR: &str = "/cqlwire";
/// The folder of the data in a container.
const STORAGE_DIR: &str = "/var/lib/cassandra";

/// Returns true if a local Docker daemon answers.
pub(crate) fn daemon_answers() -> bool {
    let mut version = Command::new("docker");
    version.args(["version", "--format", "{{.Server.Version}}"]);
    is_local(&env::var("DOCKER_HOST").unwrap_or_default())
        && tool::run(&mut version, Duration::from_secs(5)).is_ok_and(|o| o.status.success())
}

/// Checks that a container can run the node of `options`.
///
/// # Errors
/// Returns an error if there are several nodes, if no local daemon answers, or if there is no Java
/// to generate the keys of a node with TLS.
pub(crate) fn require(options: &Options) -> Result<(), Error> {
    if options.nodes != 1 {
        return Err(Error::Unsupported(format!(
            "cannot start {} nodes in Docker: the harness runs one node per cluster there; set \
             CQLWIRE_CASSANDRA=java to run them with Java",
            options.nodes
        )));
    }
    if options.tls.is_some() {
        Jdk::find()?;
    }
    if daemon_answers() {
        return Ok(());
    }
    Err(Error::Missing {
        problem: "cannot use Docker: no local daemon answers `docker version`".to_owned(),
        advice: "start one (set DOCKER_HOST if its socket is not the default), or set \
                 CQLWIRE_CASSANDRA=java to run nodes with Java"
            .to_owned(),
    })
}

/// Creates a container for the plan's only node and returns the commands that start it.
pub(crate) fn recipe(plan: &Plan<'_>, image: &Image) -> Result<Recipe, Error> {
    let config = NodeConfig { any_rpc_address: true, ..plan.config(1, CONFIG_DIR, STORAGE_DIR) };
    let dir = plan.run.node(1);
    create_dir(&dir)?;
    plan.write_config(&dir, &config)?;

    let (options, name) = (plan.options, format!("cqlwire-{}", plan.run.name()));
    let mut create = Command::new("docker");
    create.args(["create", "--pull=never", "--name", &name]);
    // The port is the same inside and outside, because nodes advertise their port to clients.
    let port = config.native_port;
    create.arg(format!("--publish=127.0.0.1:{port}:{port}"));
    match image {
        Image::Official(image) => {
            // The image's start script sets the JVM arguments for the Java that the image contains.
            let settings = format!(
                "-Dcassandra.config=file://{CONFIG_DIR}/cassandra.yaml \
                 -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=1000 \
                 -Dcassandra.superuser_setup_delay_ms=100 {}",
                options.jvm_args.join(" ")
            );
            create.args(["--env", "MAX_HEAP_SIZE=512M", "--env", "HEAP_NEWSIZE=128M"]);
            create.arg(format!("--env=JVM_EXTRA_OPTS={settings}"));
            create.args([image, "cassandra", "-f"]);
        }
        Image::Built(image) => {
            let layout = Layout { jamm: image::JAMM, jars: image::JARS, config: CONFIG_DIR };
            create.args([image, image::JAVA]).args(jvm_args(&layout));
            create.arg(format!("-Dcassandra.storagedir={STORAGE_DIR}"));
            create.args(&options.jvm_args).arg(MAIN_CLASS);
        }
    }
    Container::create(&name, &mut create, &dir, CONFIG_DIR).map(Recipe::container)
}

/// Returns true if the daemon is local, so that this process can reach ports that it publishes on
/// loopback.
fn is_local(docker_host: &str) -> bool {
    let local = ["unix://", "npipe://", "tcp://127.", "tcp://localhost", "tcp://[::1]"];
    docker_host.is_empty() || local.iter().any(|prefix| docker_host.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_daemon_is_not_local() {
        assert!(is_local(""));
        assert!(is_local("unix:///run/user/1000/docker.sock"));
        assert!(is_local("tcp://127.0.0.1:2375"));
        assert!(!is_local("tcp://docker:2375"));
        assert!(!is_local("ssh://user@host"));
    }
}
