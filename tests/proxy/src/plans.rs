//! The faults of a seed.

use std::collections::BTreeMap;
use std::fmt;

use cqlwire_faults::{Plan, Profile};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The faults of the connections of one session.
#[derive(Debug, Clone)]
pub enum Plans {
    /// Each connection has a random plan, which the seed and the number of the connection decide.
    Random {
        /// The seed.
        seed: u64,
        /// The faults that are possible.
        profile: Box<Profile>,
    },
    /// The plans of the connections with these numbers. The other connections have no faults.
    Fixed(BTreeMap<usize, Plan>),
}

impl Plans {
    /// Returns the plan of the connection with this number.
    pub fn plan(&self, connection: usize) -> Plan {
        match self {
            Self::Random { seed, profile } => {
                let seed = seed.wrapping_mul(1 << 16).wrapping_add(connection as u64);
                Plan::random(&mut StdRng::seed_from_u64(seed), profile)
            }
            Self::Fixed(plans) => plans.get(&connection).cloned().unwrap_or_default(),
        }
    }

    /// Returns the plans of the first connections as fixed plans.
    #[must_use]
    pub fn fixed(&self, connections: usize) -> Self {
        let plans = (0..connections).map(|number| (number, self.plan(number)));
        Self::Fixed(plans.filter(|(_, plan)| !plan.faults.is_empty()).collect())
    }

    /// Returns fixed plans that lack one fault of these plans.
    pub fn smaller(&self) -> Vec<Self> {
        let Self::Fixed(plans) = self else { return Vec::new() };
        let mut smaller = Vec::new();
        for (&number, plan) in plans {
            for plan in plan.smaller() {
                let mut plans = plans.clone();
                match plan.faults.is_empty() {
                    true => plans.remove(&number),
                    false => plans.insert(number, plan),
                };
                smaller.push(Self::Fixed(plans));
            }
        }
        smaller
    }

    /// Parses one fixed plan with its number, such as `0: responses@f3 drop 2`.
    ///
    /// # Errors
    /// Returns an error if the number or the plan is invalid.
    pub fn parse_numbered(text: &str) -> Result<(usize, Plan), String> {
        let (number, plan) = text.split_once(':').ok_or("expected \"NUMBER: PLAN\"")?;
        let number = number.trim().parse().map_err(|error| format!("{number:?}: {error}"))?;
        Ok((number, plan.parse::<Plan>().map_err(|error| error.to_string())?))
    }
}

/// Writes fixed plans as arguments of the program `proxy`.
impl fmt::Display for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random { seed, .. } => write!(f, " --seeds {seed}"),
            Self::Fixed(plans) => {
                plans.iter().try_for_each(|(number, plan)| write!(f, " --plan '{number}: {plan}'"))
            }
        }
    }
}
