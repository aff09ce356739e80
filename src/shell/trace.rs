//! Traces, as TRACING and SHOW SESSION print them.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::failure::UnitError;
use super::format::{Formatted, Style};
use super::output::Output;
use super::settings::Settings;
use super::table::{Page, print_table};
use crate::session::{Error, Session, Statement};
use crate::types::{Timestamp, Value};
use crate::wire::Consistency;

/// The row of a trace in `system_traces.sessions`: client, coordinator, duration in microseconds, request
/// and start.
type SessionRow = (Option<IpAddr>, Option<IpAddr>, Option<i32>, Option<String>, Option<Timestamp>);

/// A row of `system_traces.events`: id, activity, source, elapsed microseconds and thread.
type EventRow = (Uuid, Option<String>, Option<IpAddr>, Option<i32>, Option<String>);

/// Prints the trace of a statement that was executed. Waits until the trace is complete.
///
/// # Errors
/// Returns an error if the trace cannot be read, or if the output cannot be written.
pub(super) async fn print_completed(
    session: &Session,
    settings: &Settings,
    output: &mut Output,
    id: Uuid,
) -> Result<(), UnitError> {
    let row = read_session(session, settings, id)
        .await
        .map_err(|error| UnitError::failed(format!("Unable to fetch query trace: {error}")))?;
    if !row.as_ref().is_some_and(is_complete) {
        let seconds = settings.max_trace_wait.as_secs();
        writeln!(
            output.results(),
            "Statement trace did not complete within {seconds} seconds; trace data may be incomplete."
        )?;
    }
    print_trace(session, settings, output, id, row).await
}

/// Prints the trace with this id.
///
/// # Errors
/// Returns an error if there is no such trace, or if the output cannot be written.
pub(super) async fn print(
    session: &Session,
    settings: &Settings,
    output: &mut Output,
    id: Uuid,
) -> Result<(), UnitError> {
    let row = read_session(session, settings, id).await;
    let row = row.map_err(|error| UnitError::failed(error.to_string()))?;
    match row.filter(is_complete) {
        Some(row) => print_trace(session, settings, output, id, Some(row)).await,
        None => Err(UnitError::failed(format!("Session {id} wasn't found."))),
    }
}

async fn print_trace(
    session: &Session,
    settings: &Settings,
    output: &mut Output,
    id: Uuid,
    row: Option<SessionRow>,
) -> Result<(), UnitError> {
    let events = read_events(session, id).await;
    let events = events.map_err(|error| UnitError::failed(error.to_string()))?;
    let Some((client, coordinator, duration, request, started)) =
        row.filter(|_| !events.is_empty())
    else {
        return Err(UnitError::failed(format!("No rows for session {id} found.")));
    };
    let format = &settings.values;
    let text = |text: &str| format.cell(&Value::Text(text.to_owned()));
    let micros = |count: Option<i32>| match count {
        None | Some(0) => text("--"),
        Some(count) => format.cell(&Value::Int(count)),
    };
    let optional = |value: Option<String>| match value {
        Some(value) => text(&value),
        None => format.cell(&Value::Null),
    };
    let address = |address: Option<IpAddr>| optional(address.map(|address| address.to_string()));
    let started = started.map_or(0, |started| started.0.saturating_mul(1_000));
    let mut page = Page::default();
    let names = ["activity", "timestamp", "source", "source_elapsed", "client"];
    page.names = names.iter().map(|name| format.name(Style::Name, name)).collect();
    let begun: [Formatted; 5] = [
        optional(request),
        text(&date_time(started)),
        address(coordinator),
        format.cell(&Value::Int(0)),
        address(client),
    ];
    page.rows.push(begun.into());
    for (event, activity, source, elapsed, thread) in events {
        let activity = activity.unwrap_or_default();
        let activity = format!("{activity} [{}]", thread.as_deref().unwrap_or("None"));
        page.rows.push(vec![
            text(&activity),
            // The Python driver gives the times of events, and only these, with their zone.
            text(&(date_time(micros_of(event)) + "+00:00")),
            address(source),
            micros(elapsed),
            address(client),
        ]);
    }
    if let Some(duration) = duration.filter(|duration| *duration != 0) {
        page.rows.push(vec![
            text("Request complete"),
            text(&date_time(started.saturating_add(duration.into()))),
            address(coordinator),
            micros(Some(duration)),
            address(client),
        ]);
    }
    let out = output.results();
    let title = match format.is_colored {
        true => Style::Name.paint("Tracing session: "),
        false => "Tracing session: ".to_owned(),
    };
    writeln!(out, "\n{title}{id}\n")?;
    print_table(out, &page, true)?;
    Ok(writeln!(out)?)
}

/// Returns true if the server has written the end of the trace.
fn is_complete(row: &SessionRow) -> bool {
    row.2.is_some()
}

/// Reads the row of a trace, repeatedly until it is complete or `max_trace_wait` has passed. Returns `None`
/// if there is no such trace.
async fn read_session(
    session: &Session,
    settings: &Settings,
    id: Uuid,
) -> Result<Option<SessionRow>, Error> {
    let select = "SELECT client, coordinator, duration, request, started_at \
                  FROM system_traces.sessions WHERE session_id = ?";
    let begun = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        let result = session.execute(untraced(select), (id,)).await?;
        let row = result.first::<SessionRow>()?;
        if row.as_ref().is_some_and(is_complete) || begun.elapsed() > settings.max_trace_wait {
            return Ok(row);
        }
        session.wait(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}

async fn read_events(session: &Session, id: Uuid) -> Result<Vec<EventRow>, Error> {
    let select = "SELECT event_id, activity, source, source_elapsed, thread \
                  FROM system_traces.events WHERE session_id = ?";
    let mut rows = session.stream::<EventRow>(untraced(select), (id,));
    let mut events = Vec::new();
    while let Some(event) = rows.try_next().await? {
        events.push(event);
    }
    Ok(events)
}

fn untraced(text: &str) -> Statement {
    Statement::new(text).consistency(Consistency::One).idempotent(true).tracing(false)
}

/// Returns the time of a version 1 UUID, in microseconds since 1970.
fn micros_of(id: Uuid) -> i64 {
    /// Ticks of 100 ns from the start of the Gregorian calendar, in 1582, to 1970.
    const EPOCH: i64 = 0x01b2_1dd2_1381_4000;
    let (low, middle, high, _) = id.as_fields();
    let ticks = u64::from(high & 0x0fff) << 48 | u64::from(middle) << 32 | u64::from(low);
    (ticks.cast_signed() - EPOCH).div_euclid(10)
}

/// Formats microseconds since 1970 as Python's `str(datetime)` does.
fn date_time(micros: i64) -> String {
    let millis = micros.div_euclid(1_000);
    let text = Timestamp(millis).to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    match micros.rem_euclid(1_000_000) {
        0 => seconds.to_owned(),
        fraction => format!("{seconds}.{fraction:06}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_of_an_event() {
        let id = "50554d6e-29bb-11e5-b345-feff819cdc9f".parse().unwrap();
        assert_eq!(date_time(micros_of(id)), "2015-07-14 00:00:18.805899");
        assert_eq!(date_time(1_000_000), "1970-01-01 00:00:01");
    }
}
