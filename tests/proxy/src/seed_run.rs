//! The run of one seed: a session under faults, its recovery, and the checks.

use std::time::Duration;

use cqlwire::session::{Error, Session};
use cqlwire_faults::{Applied, Switch};
use cqlwire_model::{
    Exemptions, Kind, Tables, Tally, Violation, Worker, limit_polls, recover, settle,
    verify_workers,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::{Plans, Proxy, Server, Settings};

/// Delay before a failed attempt is repeated.
const DELAY: Duration = Duration::from_millis(20);

/// Time within which the direct session must answer, and within which the effects must be readable.
const WAIT: Duration = Duration::from_secs(30);

/// Time for which closing a session waits for requests.
const CLOSE: Duration = Duration::from_secs(1);

/// The requests of the load. `Kind::ReadTable` reads the rows of all seeds, and would take too long.
const KINDS: [Kind; 10] = [
    Kind::Insert,
    Kind::UnmarkedInsert,
    Kind::Read,
    Kind::Increment,
    Kind::Swap,
    Kind::Append,
    Kind::LoggedBatch,
    Kind::UnloggedBatch,
    Kind::Overwrite,
    Kind::ReadPartition,
];

/// The run of one seed.
#[derive(Debug, Clone)]
pub struct SeedRun {
    /// The seed, which also decides the requests.
    pub seed: u64,
    /// The faults.
    pub plans: Plans,
}

/// The result of a seed.
#[derive(Debug)]
pub struct SeedResult {
    /// Number of connections that the session opened through the proxy.
    pub connections: usize,
    /// The faults that were applied.
    pub applied: Applied,
    /// The requests, and the violations that the honesty of the faults does not explain.
    pub tally: Tally,
    /// Time from the end of the faults to the first answer, or `None` if the session never answered.
    pub recovery: Option<Duration>,
}

/// The parts of a run.
struct Run<'a> {
    settings: &'a Settings,
    server: &'a Server,
    proxy: Proxy,
    switch: Switch,
    /// The time at which the faults stop.
    end: Instant,
    tally: Tally,
}

impl SeedRun {
    /// Runs the seed.
    ///
    /// # Errors
    /// Returns an error if the server fails without a proxy, so that nothing can be checked.
    pub async fn run(
        &self,
        settings: &Settings,
        server: &Server,
    ) -> Result<SeedResult, Box<dyn std::error::Error + Send + Sync>> {
        let (applied, switch) = (Applied::new(), Switch::new());
        let plans = self.plans.clone();
        let workers = timeout(WAIT, server.workers(settings.workers)).await??;
        let plan = move |number| plans.plan(number);
        let proxy =
            Proxy::start(server.address(), settings.tls, switch.clone(), applied.clone(), plan);
        let mut run = Run {
            settings,
            server,
            proxy: proxy.await?,
            switch,
            end: Instant::now() + settings.faulty_time,
            tally: Tally::default(),
        };
        let recovery = run.session_under_faults(self.seed, workers, &applied).await;
        let Run { proxy, mut tally, .. } = run;
        tally.exempt(Exemptions {
            lies: applied.lied_to_client() || applied.lied_to_server(),
            malformed_answers: applied.counts().breaks_answers(),
            shutdowns: false,
        });
        Ok(SeedResult { connections: proxy.connections(), applied, tally, recovery })
    }
}

impl Run<'_> {
    /// Runs the load and the checks. Returns the time that the session took to recover.
    async fn session_under_faults(
        &mut self,
        seed: u64,
        workers: Vec<Worker>,
        applied: &Applied,
    ) -> Option<Duration> {
        let session = self.open().await?;
        let tables = self.prepare(&session).await?;
        // The time until here was that of connecting.
        self.end = Instant::now() + self.settings.faulty_time;
        self.switch.start();
        let workers = self.load(seed, &session, &tables, workers).await;
        self.switch.stop();
        let stopped = self.end.min(Instant::now());
        let tables = match applied.lied_to_client() {
            true => self.prepare(&session).await?,
            false => tables,
        };
        recover(&session, &tables, self.settings.recovery, &mut self.tally).await?;
        let recovery = stopped.elapsed();
        match timeout(WAIT, verify_workers(&session, &tables, workers, WAIT)).await {
            Ok(Ok(tally)) => self.tally.add(tally),
            Ok(Err(error)) => self.not_recovered(&error),
            Err(_) => {
                self.tally.violation(Violation::Unended, || "the verification".to_owned());
            }
        }
        settle(&session, &[], self.settings.recovery, &mut self.tally).await;
        if timeout(Settings::REQUEST_LIMIT, session.close(CLOSE)).await.is_err() {
            self.tally.violation(Violation::Unended, || "closing the session".to_owned());
        }
        Some(recovery)
    }

    /// Connects a session. Repeats failed attempts until the faults have stopped, and once more.
    async fn open(&mut self) -> Option<Session> {
        let (settings, server, proxy) = (self.settings, self.server, self.proxy.address());
        self.attempt("connecting", || {
            let session = server.session(settings, proxy);
            async move { session.connect().await }
        })
        .await
    }

    /// Prepares the statements of the load, as [`Self::open`] connects.
    async fn prepare(&mut self, session: &Session) -> Option<Tables> {
        let keyspace = self.server.keyspace();
        self.attempt("preparing", || {
            let session = session.clone();
            async move { Tables::prepare(&session, keyspace).await }
        })
        .await
    }

    async fn attempt<T, F: Future<Output = Result<T, Error>>>(
        &mut self,
        what: &str,
        attempt: impl Fn() -> F,
    ) -> Option<T> {
        let limit = Settings::CONNECT_LIMIT;
        let mut stopped = None;
        loop {
            let result = {
                let mut attempt = std::pin::pin!(timeout(limit, attempt()));
                tokio::select! {
                    biased;
                    result = &mut attempt => result,
                    () = tokio::time::sleep_until(self.end), if stopped.is_none() => {
                        stopped = Some(self.stop());
                        attempt.await
                    }
                }
            };
            match result {
                Ok(Ok(value)) => return Some(value),
                Ok(Err(error)) => {
                    self.tally.check_error(&error);
                    if stopped.is_some_and(|at| at.elapsed() > self.settings.recovery) {
                        self.not_recovered(&error);
                        return None;
                    }
                }
                Err(_) => {
                    self.tally.violation(Violation::Unended, || format!("{what}: {limit:?}"));
                    return None;
                }
            }
            sleep(DELAY).await;
        }
    }

    /// Runs the workers until the faults stop.
    async fn load(
        &self,
        seed: u64,
        session: &Session,
        tables: &Tables,
        workers: Vec<Worker>,
    ) -> Vec<Worker> {
        let mut tasks = JoinSet::new();
        for (number, worker) in (0_u64..).zip(workers) {
            let random = StdRng::seed_from_u64(seed ^ number << 48);
            let (session, tables) = (session.clone(), tables.clone());
            let (end, requests) = (self.end, self.settings.requests);
            tasks.spawn(async move { work(worker, session, tables, random, end, requests).await });
        }
        let workers = async {
            let mut workers = Vec::new();
            // A worker that panicked is found by the panic hook.
            while let Some(worker) = tasks.join_next().await {
                workers.extend(worker);
            }
            workers
        };
        let mut workers = std::pin::pin!(workers);
        tokio::select! {
            biased;
            workers = &mut workers => workers,
            () = tokio::time::sleep_until(self.end) => {
                self.switch.stop();
                workers.await
            }
        }
    }

    /// Stops the faults, and returns the present time.
    fn stop(&self) -> Instant {
        self.switch.stop();
        Instant::now()
    }

    fn not_recovered(&mut self, error: &Error) {
        let example = || format!("{error} {:?}", error.history());
        self.tally.violation(Violation::NotRecovered, example);
    }
}

/// Sends requests until the faults stop. Cancels some of them.
async fn work(
    mut worker: Worker,
    session: Session,
    tables: Tables,
    mut random: StdRng,
    end: Instant,
    requests: u32,
) -> Worker {
    for _ in 0..requests {
        if Instant::now() >= end {
            break;
        }
        let kind = KINDS[random.random_range(0..KINDS.len())];
        match random.random_range(0..12) {
            0 => {
                let polls = random.random_range(0..8);
                let limit = Settings::REQUEST_LIMIT;
                let request = worker.request_within(limit, kind, &session, &tables);
                let _cancelled = limit_polls(request, polls).await;
            }
            _ => worker.request_within(Settings::REQUEST_LIMIT, kind, &session, &tables).await,
        }
        if random.random_bool(0.5) {
            sleep(Duration::from_millis(random.random_range(0..30))).await;
        }
    }
    worker
}
