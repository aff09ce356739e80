//! The store of `MockServer` beside a real node: generated scripts have the same results on both.
//!
//! `CQLWIRE_SCRIPTS` sets the number of scripts, and lists the errors whose messages differ.
//! `CQLWIRE_SCRIPTS=500:7` runs 500 scripts from number 7 on.

mod outcome;
mod random;
mod script;
mod selects;
mod tables;

use std::collections::BTreeMap;
use std::env;

use cqlwire::testing::MockServer;
use libtest_mimic::Failed;

use self::outcome::{Outcome, Server};
use self::script::{Script, Step};
use crate::fleet::{Node, runtime};

/// The number of scripts if `CQLWIRE_SCRIPTS` is not set.
const SCRIPTS: u64 = 1_000;

/// The number of scripts that share a keyspace. With many more, the statements that read whole tables
/// would take most of the time.
const SCRIPTS_PER_KEYSPACE: usize = 100;

/// Greatest share of the statements that `MockServer` may not support, in percent.
const MAX_UNSUPPORTED: usize = 5;

/// The number of failed scripts after which the test ends.
const MAX_FAILURES: usize = 25;

/// The two servers of a comparison.
struct Comparison {
    real: Server,
    double: Server,
    /// The number of keyspaces so far.
    keyspaces: usize,
    /// The number that the partition keys of the next script contain.
    next_keys: usize,
    statements: usize,
    /// The statements that the double does not support, by the message.
    unsupported: BTreeMap<String, usize>,
    /// The errors whose messages differ, by both messages.
    messages: BTreeMap<(String, String), (usize, String)>,
}

/// The first difference of a script.
struct Difference {
    /// The index of the step.
    step: usize,
    text: String,
    real: Outcome,
    double: Outcome,
}

pub(crate) fn mock_server_executes_scripts_as_cassandra_does(node: &Node) -> Result<(), Failed> {
    let variable = env::var("CQLWIRE_SCRIPTS").ok();
    let (count, first) =
        match variable.as_deref().map(|text| text.split_once(':').unwrap_or((text, "0"))) {
            Some((count, first)) => (count.parse()?, first.parse()?),
            None => (SCRIPTS, 0),
        };
    let runtime = runtime()?;
    runtime.block_on(async {
        let server = MockServer::bind("127.0.0.1:0").await?;
        let mut comparison = Comparison {
            real: Server::connect(node.address).await?,
            double: Server::connect(server.address()).await?,
            keyspaces: 0,
            next_keys: 0,
            statements: 0,
            unsupported: BTreeMap::new(),
            messages: BTreeMap::new(),
        };
        let failures = comparison.run(first..first + count).await?;
        comparison.print();
        let unsupported: usize = comparison.unsupported.values().sum();
        if !failures.is_empty() {
            let count = failures.len();
            return Err(format!("{count} scripts differ:\n\n{}", failures.join("\n\n")).into());
        }
        if unsupported * 100 > comparison.statements * MAX_UNSUPPORTED {
            return Err(format!("{unsupported} of {} statements", comparison.statements).into());
        }
        Ok(())
    })
}

impl Comparison {
    /// Runs the scripts of these seeds and returns a text for each difference.
    async fn run(&mut self, seeds: std::ops::Range<u64>) -> Result<Vec<String>, Failed> {
        let mut failures = Vec::new();
        let mut in_keyspace = SCRIPTS_PER_KEYSPACE;
        for seed in seeds {
            if in_keyspace >= SCRIPTS_PER_KEYSPACE {
                self.new_keyspace().await?;
                in_keyspace = 0;
            }
            in_keyspace += 1;
            let script = Script::generate(seed);
            let (difference, is_complete) = self.execute(&script.steps).await?;
            if let Some(difference) = difference {
                let mut steps = script.steps;
                steps.truncate(difference.step + 1);
                let (steps, difference) = self.minimise(steps, difference).await?;
                failures.push(describe(seed, &steps, &difference));
                if failures.len() >= MAX_FAILURES {
                    break;
                }
                in_keyspace = SCRIPTS_PER_KEYSPACE;
            } else if !is_complete {
                // The states of the servers differ, because only one has executed a statement.
                in_keyspace = SCRIPTS_PER_KEYSPACE;
            }
        }
        Ok(failures)
    }

    /// Drops the keyspace, and creates another one with all tables on both servers.
    async fn new_keyspace(&mut self) -> Result<(), Failed> {
        let name = |number| format!("scripts_{}_{number}", std::process::id());
        let drop = format!("DROP KEYSPACE IF EXISTS {}", name(self.keyspaces));
        self.keyspaces += 1;
        let keyspace = name(self.keyspaces);
        let options = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        let mut statements = vec![
            drop,
            format!("CREATE KEYSPACE {keyspace} WITH replication = {options}"),
            format!("USE {keyspace}"),
        ];
        statements.extend(tables::TYPES.iter().map(|text| (*text).to_owned()));
        statements.extend(tables::TABLES.iter().map(tables::Table::create));
        for statement in statements {
            let real = self.real.execute(&statement, None, false).await?;
            let double = self.double.execute(&statement, None, false).await?;
            if real != double {
                return Err(format!("{statement}\n  {real:?}\n  {double:?}").into());
            }
        }
        Ok(())
    }

    /// Executes steps on both servers, with partition keys that no script has had. Returns the first
    /// difference, and false if a statement was executed by one server only.
    async fn execute(&mut self, steps: &[Step]) -> Result<(Option<Difference>, bool), Failed> {
        let number = self.next_keys;
        self.next_keys += 1;
        for (index, step) in steps.iter().enumerate() {
            let text = step.text(number);
            let real = self.real.execute(&text, step.page_size, step.is_prepared).await?;
            let double = self.double.execute(&text, step.page_size, step.is_prepared).await?;
            self.statements += 1;
            if real.is_failure() {
                continue;
            }
            if let Some(message) = double.unsupported() {
                let is_read = text.starts_with("SELECT");
                *self.unsupported.entry(message.to_owned()).or_default() += 1;
                match is_read || real.is_error() {
                    true => continue,
                    false => return Ok((None, false)),
                }
            }
            if !real.agrees_with(&double) {
                return Ok((Some(Difference { step: index, text, real, double }), true));
            }
            if let Some(messages) = real.different_messages(&double) {
                self.messages.entry(messages).or_insert((0, text)).0 += 1;
            }
        }
        Ok((None, true))
    }

    /// Removes steps as long as the last of the others has different results.
    async fn minimise(
        &mut self,
        mut steps: Vec<Step>,
        mut difference: Difference,
    ) -> Result<(Vec<Step>, Difference), Failed> {
        let mut index = steps.len().saturating_sub(1);
        while index > 0 {
            index -= 1;
            let mut fewer = steps.clone();
            fewer.remove(index);
            if !difference.text.contains("WHERE") {
                // The statement reads the rows of the other attempts, too.
                self.new_keyspace().await?;
            }
            if let (Some(other), _) = self.execute(&fewer).await? {
                fewer.truncate(other.step + 1);
                index = index.min(fewer.len().saturating_sub(1));
                (steps, difference) = (fewer, other);
            }
        }
        Ok((steps, difference))
    }

    fn print(&self) {
        let count: usize = self.unsupported.values().sum();
        println!("{} statements, {count} not supported by MockServer:", self.statements);
        for (message, count) in &self.unsupported {
            println!("  {count} times: {message}");
        }
        if env::var_os("CQLWIRE_SCRIPTS").is_none() {
            return;
        }
        println!("{} pairs of different messages:", self.messages.len());
        for ((real, double), (count, text)) in &self.messages {
            println!("  {count} times: {text}\n    real:   {real}\n    double: {double}");
        }
    }
}

fn describe(seed: u64, steps: &[Step], difference: &Difference) -> String {
    let texts: Vec<_> = steps.iter().map(|step| format!("    {};", step.text(0))).collect();
    let Difference { text, real, double, .. } = difference;
    let last = steps.last().map(|step| (step.page_size, step.is_prepared));
    let texts = texts.join("\n");
    format!(
        "script {seed} (page size, prepared: {last:?}):\n{texts}\n  at {text}\n  real:   {real:?}\n  double: {double:?}"
    )
}
