//! The plan of a connection: its faults and their triggers.

use std::time::Duration;

use crate::{Direction, Fault};

/// The faults of one connection.
///
/// `Display` writes a plan in one line, which `FromStr` reads again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The faults. Faults that apply to the same byte or frame are applied in this order.
    pub faults: Vec<PlannedFault>,
}

/// A fault and its trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFault {
    /// The direction that the fault changes.
    pub direction: Direction,
    /// The trigger. The fault is applied once, at the first opportunity from the trigger on.
    pub trigger: Trigger,
    /// The fault.
    pub fault: Fault,
}

/// The trigger of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// This number of bytes of the direction were forwarded. A fault of frames applies to the first
    /// frame that begins at this position or later.
    Byte(u64),
    /// This number of frames of the direction arrived. Never reached on encrypted connections.
    Frame(u64),
    /// This time has passed since the connection was opened.
    Time(Duration),
}

impl Plan {
    /// Creates a plan.
    pub fn new(faults: impl Into<Vec<PlannedFault>>) -> Self {
        Self { faults: faults.into() }
    }

    /// Returns the plans that lack one fault of this plan, for shrinking.
    pub fn smaller(&self) -> impl Iterator<Item = Self> + '_ {
        (0..self.faults.len()).map(|index| {
            let mut faults = self.faults.clone();
            faults.remove(index);
            Self { faults }
        })
    }
}

impl PlannedFault {
    /// Creates a fault of requests.
    pub const fn of_requests(trigger: Trigger, fault: Fault) -> Self {
        Self { direction: Direction::Requests, trigger, fault }
    }

    /// Creates a fault of responses.
    pub const fn of_responses(trigger: Trigger, fault: Fault) -> Self {
        Self { direction: Direction::Responses, trigger, fault }
    }
}
