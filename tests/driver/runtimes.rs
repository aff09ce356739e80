//! Sessions whose callers are polled by another executor than the session's runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use cqlwire::connection::Connection;
use cqlwire::message::{Request, ResultMessage};
use cqlwire::protocol::ConnectionOptions;
use cqlwire::session::{Batch, Error, ErrorKind, Session, Statement};
use cqlwire::testing::Reply;
use cqlwire::types::NativeType;
use cqlwire::wire::Version;
use tokio::runtime::{Builder, Runtime};

use crate::cluster::prepared;
use crate::mock_server::start_frame_server;

const SHORT: Duration = Duration::from_millis(200);

/// An executor that polls one future on the current thread.
type Executor = fn(&mut dyn FnMut(&mut Context<'_>) -> Poll<()>);

/// Executors other than the session's runtime: none of tokio, and two runtimes, one of which has no
/// timers.
const EXECUTORS: [Executor; 3] = [
    |poll| block_on(std::future::poll_fn(poll)),
    |poll| {
        Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(std::future::poll_fn(poll));
    },
    |poll| Builder::new_current_thread().build().unwrap().block_on(std::future::poll_fn(poll)),
];

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future outside of tokio.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn run_on<T>(executor: Executor, future: impl Future<Output = T>) -> T {
    let (mut future, mut output) = (pin!(future), None);
    executor(&mut |cx| future.as_mut().poll(cx).map(|ready| output = Some(ready)));
    output.unwrap()
}

fn connect(runtime: &Runtime, timeout: Duration) -> Session {
    let server = start_frame_server(Version::V4, |frame| match &frame.request {
        Request::Prepare(_) => Some(prepared().into()),
        Request::Query(query) if query.text.starts_with("USE") => {
            Some(Reply::response(ResultMessage::SetKeyspace("test".to_owned())))
        }
        Request::Query(query) if query.text.contains(" FROM system") => None,
        Request::Query(query) if query.text.contains("silence") => Some(Reply::silence()),
        Request::Query(_) | Request::Execute(_) | Request::Batch(_) => {
            Some(Reply::rows([("number", NativeType::Int)], [(1,)]))
        }
        _ => None,
    });
    let builder = Session::builder().contact_points([server.to_string()]).timeout(timeout);
    runtime.block_on(builder.connect()).unwrap()
}

/// Calls every method that waits for a server, with its name.
async fn call_all(session: &Session) -> Vec<(&'static str, Result<(), Error>)> {
    let stream = async {
        let mut rows = session.stream::<(i32,)>("SELECT number", ());
        rows.try_next().await.map(drop)
    };
    let pages = async {
        let mut pages = session.stream::<(i32,)>("SELECT number WHERE key = ?", (2,));
        while pages.next_page().await?.is_some() {}
        Ok(())
    };
    let batch = Batch::logged().statement("INSERT ...", (3,)).statement("DELETE ...", ());
    vec![
        ("text", session.execute("SELECT number", ()).await.map(drop)),
        ("text with values", session.execute("SELECT ... ?", (1,)).await.map(drop)),
        ("prepare", session.prepare("UPDATE ...").await.map(drop)),
        ("stream", stream.await),
        ("pages", pages.await),
        ("batch", session.batch(&batch).await.map(drop)),
        ("USE", session.execute("USE test", ()).await.map(drop)),
        ("schema", session.schema().await.map(drop)),
    ]
}

#[test]
fn every_method_works_on_every_executor() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for executor in EXECUTORS {
        let session = connect(&runtime, Duration::from_secs(60));
        for (method, outcome) in run_on(executor, call_all(&session)) {
            assert!(outcome.is_ok(), "{method}: {}", outcome.unwrap_err());
        }
        run_on(executor, session.close(Duration::from_secs(60)));
        let error = run_on(executor, session.execute("SELECT number", ())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

/// The workers of the runtime drive the session's tasks while the caller's thread only waits.
#[test]
fn requests_end_in_block_on_of_the_handle_of_a_running_runtime() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let session = connect(&runtime, Duration::from_secs(60));
    for (method, outcome) in runtime.handle().block_on(call_all(&session)) {
        assert!(outcome.is_ok(), "{method}: {}", outcome.unwrap_err());
    }
    let silent = Statement::new("SELECT silence").timeout(SHORT);
    let error = runtime.handle().block_on(session.execute(silent, ())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let _entered = runtime.enter();
    assert!(block_on(session.execute("SELECT number", ())).is_ok());
    let silent = Statement::new("SELECT silence").timeout(SHORT);
    assert_eq!(block_on(session.execute(silent, ())).unwrap_err().kind(), ErrorKind::Timeout);
    block_on(session.close(Duration::from_secs(60)));
}

/// The session's runtime has one thread, which drives it only in `block_on`.
#[test]
fn requests_time_out_on_every_executor_while_the_sessions_runtime_is_idle() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for executor in EXECUTORS {
        let session = connect(&runtime, SHORT);
        for (method, outcome) in run_on(executor, call_all(&session)) {
            // The schema may have been read while the session connected.
            if let Err(error) = outcome {
                assert_eq!(error.kind(), ErrorKind::Timeout, "{method}: {error}");
            } else {
                assert_eq!(method, "schema");
            }
        }
        let insert = Statement::new("INSERT ...").timeout(SHORT);
        let error = run_on(executor, session.execute(insert, ())).unwrap_err();
        // The connection's task has not collected the request, and drops it.
        assert_eq!((error.kind(), error.may_have_been_applied()), (ErrorKind::Timeout, false));
        run_on(executor, session.close(SHORT));
    }
}

#[test]
fn requests_fail_on_every_executor_after_the_sessions_runtime_has_ended() {
    for executor in EXECUTORS {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        // Without a short timeout, the test would hang if the errors did not come at once.
        let session = connect(&runtime, Duration::from_secs(3_600));
        drop(runtime);
        for (method, outcome) in run_on(executor, call_all(&session)) {
            if let Err(error) = outcome {
                assert_eq!(error.kind(), ErrorKind::Closed, "{method}: {error}");
            } else {
                assert_eq!(method, "schema");
            }
        }
        run_on(executor, session.close(Duration::from_secs(3_600)));
    }
}

#[test]
fn connecting_outside_of_tokio_is_an_error() {
    let error = block_on(Session::builder().contact_points(["127.0.0.1"]).connect()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("outside a tokio runtime"), "{error}");
    let address = "127.0.0.1:9042".parse().unwrap();
    let options = ConnectionOptions::default();
    let error = block_on(Connection::connect(address, &options)).unwrap_err();
    assert!(error.to_string().contains("outside a tokio runtime"), "{error}");
}
