//! A running cluster.

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

/// A Cassandra cluster whose nodes are ready for clients. Dropping it kills the nodes that the
/// harness started and removes their data. Their logs are kept for a day.
#[derive(Debug)]
pub struct Cluster {
    launcher: Launcher,
    version: Option<String>,
    /// Declared before `run`, because the nodes must be dropped before their data.
    nodes: Vec<Node>,
    run: Option<RunDir>,
}

impl Cluster {
    /// Starts the cluster that `options` describe. Returns when every node answers clients and sees
    /// all other nodes up and, with authentication, user `cassandra` can log in. Starts a node a
    /// second time if its first start fails.
    ///
    /// # Errors
    /// Returns an error if the options are invalid, a program is missing, or a node fails to start.
    pub fn start(options: &Options) -> Result<Self, Error> {
        for version in options.other_versions.iter().chain([&options.version]) {
            Generation::of(version)?;
        }
        if options.nodes == 0 || options.tokens == 0 {
            let text = "cannot start a cluster with 0 nodes or 0 tokens: use at least 1 of each";
            return Err(Error::Unsupported(text.to_owned()));
        }
        match Launcher::find(options)? {
            Launcher::Environment => Self::from_env(),
            Launcher::Docker => Self::start_by_docker(options),
            Launcher::Java => Self::start_by_java(options),
        }
    }

    /// Returns the nodes' addresses for clients, in the order of [`nodes`](Self::nodes).
    #[must_use]
    pub fn contact_points(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Node::address).collect()
    }

    /// Returns the nodes. There is at least one.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the version of the first node, or `None` if the nodes came from the environment.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the source of the nodes.
    #[must_use]
    pub fn launcher(&self) -> Launcher {
        self.launcher
    }

    /// Returns the folder of the nodes' logs, or `None` if the nodes came from the environment.
    #[must_use]
    pub fn log_dir(&self) -> Option<PathBuf> {
        self.run.as_ref().map(RunDir::logs)
    }

    fn from_env() -> Result<Self, Error> {
        let addresses = launcher::contact_points_from_env()?;
        let nodes = addresses.into_iter().map(Node::external).collect();
        Ok(Self { launcher: Launcher::Environment, version: None, nodes, run: None })
    }

    fn start_by_docker(options: &Options) -> Result<Self, Error> {
        let image = Image::find_or_build(&options.version, options.progress)?;
        let (plan, node) = start_with_retry(options, || {
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
        // The second start uses a new plan with other ports, because another program may have taken
        // one of the first.
        let (plan, first) = start_with_retry(options, || {
            let plan = Plan::new(options, Launcher::Java)?;
            let node = plan.start_node(1, java(1).recipe(&plan, 1)?)?;
            Ok((plan, node))
        })?;
        let mut nodes = vec![first];
        // On a busy machine a node can fail to reach the seed in time, and end.
        for number in 2..=options.nodes {
            let recipe = || java(number).recipe(&plan, number);
            nodes.push(start_with_retry(options, || plan.start_node(number, recipe()?))?);
        }
        plan.wait_until_all_nodes_are_up(&nodes)?;
        Ok(Self::running(plan, nodes))
    }

    fn running(plan: Plan<'_>, nodes: Vec<Node>) -> Self {
        let (launcher, version) = (plan.launcher, Some(plan.options.version.clone()));
        let mut run = plan.run;
        run.remove_data_on_drop();
        Self { launcher, version, nodes, run: Some(run) }
    }
}

/// Calls `start`, and calls it once more if the node did not become ready.
fn start_with_retry<T>(
    options: &Options,
    mut start: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    match start() {
        Err(Error::NodeNotReady { problem, log, .. }) => {
            (options.progress)(&format!(
                "{problem} (log: {}); starting it a second time",
                log.display()
            ));
            start()
        }
        other => other,
    }
}
