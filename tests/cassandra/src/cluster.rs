//! A cluster, from its start to its end.

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    Error, Launcher, Node, Options,
    docker::{self, Image},
    java::JavaNodes,
    launcher,
    plan::Plan,
    run_dir::RunDir,
    version::Generation,
};

/// Nodes of one Cassandra cluster that answer clients. Dropping it kills the nodes that the harness
/// started and removes their data; their logs stay for a day.
#[derive(Debug)]
pub struct Cluster {
    launcher: Launcher,
    version: Option<String>,
    /// Before `run`: the nodes go first, then their data.
    nodes: Vec<Node>,
    run: Option<RunDir>,
}

impl Cluster {
    /// Starts what `options` describe and waits until every node answers, knows every other, and,
    /// with authentication, lets user `cassandra` in. A node that fails to start is tried once more.
    ///
    /// # Errors
    /// Says in a line or a few what is missing, or how a node failed and where its log is.
    pub fn start(options: &Options) -> Result<Self, Error> {
        for version in options.other_versions.iter().chain([&options.version]) {
            Generation::of(version)?;
        }
        if options.nodes == 0 || options.tokens == 0 {
            let text = "a cluster has at least one node, and a node at least one token";
            return Err(Error::Unsupported(text.to_owned()));
        }
        let launcher = match options.launcher {
            Some(launcher) => launcher,
            None => Launcher::choose(options.nodes)?,
        };
        match launcher {
            Launcher::Environment => Self::of_environment(),
            Launcher::Docker => Self::start_by_docker(options),
            Launcher::Java => Self::start_by_java(options),
        }
    }

    /// Where clients reach the nodes, in the nodes' order.
    #[must_use]
    pub fn contact_points(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Node::address).collect()
    }

    /// The nodes, at least one.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes' version, or `None` for nodes of the environment: they have to be asked.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Where the nodes came from.
    #[must_use]
    pub fn launcher(&self) -> Launcher {
        self.launcher
    }

    /// The folder of the nodes' logs, or `None` for nodes of the environment.
    #[must_use]
    pub fn log_dir(&self) -> Option<PathBuf> {
        self.run.as_ref().map(RunDir::logs)
    }

    fn of_environment() -> Result<Self, Error> {
        let addresses = launcher::contact_points_of_environment()?;
        let nodes = addresses.into_iter().map(Node::external).collect();
        Ok(Self { launcher: Launcher::Environment, version: None, nodes, run: None })
    }

    fn start_by_docker(options: &Options) -> Result<Self, Error> {
        if options.nodes != 1 {
            return Err(Error::Unsupported(format!(
                "Docker runs one node, not {}: let Java do it with CQLWIRE_CASSANDRA=java",
                options.nodes
            )));
        }
        docker::require_daemon()?;
        let image = Image::find_or_make(&options.version, options.progress)?;
        let (plan, node) = twice(options, || {
            let plan = Plan::new(options, Launcher::Docker)?;
            let node = plan.start_node(1, docker::recipe(&plan, &image)?)?;
            Ok((plan, node))
        })?;
        Ok(Self::running(plan, vec![node]))
    }

    fn start_by_java(options: &Options) -> Result<Self, Error> {
        let prepare = |number| JavaNodes::prepare(options, options.version_of(number));
        let java = (1..=options.nodes).map(prepare).collect::<Result<Vec<_>, _>>()?;
        let java = |number: u8| &java[usize::from(number) - 1];
        // The first node is tried again on other ports: somebody may have taken one.
        let (plan, first) = twice(options, || {
            let plan = Plan::new(options, Launcher::Java)?;
            let node = plan.start_node(1, java(1).recipe(&plan, 1)?)?;
            Ok((plan, node))
        })?;
        let mut nodes = vec![first];
        // A node that joins while the machine is busy can miss its seed and stop.
        for number in 2..=options.nodes {
            let recipe = || java(number).recipe(&plan, number);
            nodes.push(twice(options, || plan.start_node(number, recipe()?))?);
        }
        plan.wait_until_all_are_known(&nodes)?;
        Ok(Self::running(plan, nodes))
    }

    fn running(plan: Plan<'_>, nodes: Vec<Node>) -> Self {
        let (launcher, version) = (plan.launcher, Some(plan.options.version.clone()));
        let mut run = plan.run;
        run.remove_data_at_end();
        Self { launcher, version, nodes, run: Some(run) }
    }
}

/// Tries once more when a node did not start.
fn twice<T>(options: &Options, mut start: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    match start() {
        Err(Error::NodeNotReady { problem, log, .. }) => {
            (options.progress)(&format!(
                "{problem} (its log: {}); starting it once more",
                log.display()
            ));
            start()
        }
        other => other,
    }
}
