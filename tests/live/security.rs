//! A node that wants TLS, a client certificate and a password, and those who lack one of them.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use cassandra_harness::{Certificates, Cluster, Options, Tls as NodeTls};
use cqlwire::connection::Tls;
use cqlwire::session::{Error, Session, SessionBuilder};
use libtest_mimic::{Failed, Trial};

use crate::fleet::{Node, runtime};
use crate::program::{ADD_USERS, LIST_USERS, Output, run};
use crate::programs::CQLWIRE;

/// A node that nobody gets in to without a password and a certificate of its CA.
struct Secure {
    cluster: Cluster,
    certificates: Arc<Certificates>,
    files: Files,
}

/// What programs are given, in PEM.
struct Files {
    _folder: tempfile::TempDir,
    ca: String,
    other_ca: String,
    cert: String,
    key: String,
}

type Test = fn(&Secure) -> Result<(), Failed>;

const TESTS: &[(&str, Test)] = &[
    ("the_right_ones_get_in", the_right_ones_get_in),
    ("the_wrong_ones_do_not", the_wrong_ones_do_not),
    ("the_programs", the_programs),
];

/// The tests on a node of `version`, which starts with the first of them.
pub(crate) fn tests(version: &str) -> Vec<Trial> {
    let node = Arc::new(OnceLock::new());
    let trial = |&(name, test): &(&str, Test)| {
        let (node, version) = (Arc::clone(&node), version.to_owned());
        Trial::test(format!("{version}::security::{name}"), move || {
            let started = node.get_or_init(|| Secure::start(&version).map_err(|e| e.to_string()));
            test(started.as_ref().map_err(Failed::from)?)
        })
    };
    TESTS.iter().map(trial).collect()
}

impl Secure {
    fn start(version: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let tls = NodeTls::new()?.client_certificates(true);
        let certificates = Arc::clone(&tls.certificates);
        let cluster = Cluster::start(&Options::new(version).authentication(true).tls(tls))?;
        let folder = tempfile::tempdir()?;
        let file = |name: &str, text: &str| {
            let path: PathBuf = folder.path().join(name);
            fs::write(&path, text).map(|()| path.display().to_string())
        };
        let client = certificates.issue(&[])?;
        let files = Files {
            ca: file("ca.pem", &certificates.ca())?,
            other_ca: file("other.pem", &Certificates::new()?.ca())?,
            cert: file("client.pem", &client.certificate)?,
            key: file("client.key", &client.key)?,
            _folder: folder,
        };
        Ok(Self { cluster, certificates, files })
    }

    fn port(&self) -> u16 {
        self.cluster.contact_points()[0].port()
    }

    /// Only who the node is, and nothing of the client.
    fn trusting(&self) -> Tls {
        Tls::new().root_certificates_pem(self.certificates.ca()).unwrap()
    }

    fn tls(&self) -> Tls {
        let client = self.certificates.issue(&[]).unwrap();
        self.trusting().client_certificate_pem(client.certificate, client.key).unwrap()
    }

    fn builder(&self, host: &str) -> SessionBuilder {
        let builder = Session::builder().contact_points([host]).port(self.port());
        builder.credentials("cassandra", "cassandra")
    }
}

fn the_right_ones_get_in(secure: &Secure) -> Result<(), Failed> {
    let runtime = runtime()?;
    for host in ["127.0.0.1", "localhost"] {
        runtime.block_on(async {
            let session = secure.builder(host).tls(secure.tls()).connect().await?;
            let local = session.execute("SELECT key FROM system.local", ()).await?;
            assert_eq!(local.one::<&str>()?, "local");
            // More than a socket holds, there and back.
            let long = "x".repeat(2 << 20);
            let echo = format!("SELECT (text)'{long}' AS echo FROM system.local");
            let echoed = session.execute(echo, ()).await?;
            assert!(echoed.one::<&str>()? == long, "something else came back");
            Ok::<_, Error>(())
        })?;
    }
    Ok(())
}

fn the_wrong_ones_do_not(secure: &Secure) -> Result<(), Failed> {
    let runtime = runtime()?;
    let stranger = Certificates::new()?;
    let strange = stranger.issue(&[])?;
    let unknown = secure.trusting().client_certificate_pem(strange.certificate, strange.key)?;
    let wrong_ca = Tls::new().root_certificates_pem(stranger.ca())?;
    let wrong_name = secure.tls().server_name("db.example.com")?;
    let builder = || secure.builder("127.0.0.1");
    let wrong_password = builder().credentials("cassandra", "wr0ng").tls(secure.tls());
    for (who, builder, why) in [
        ("a wrong CA", builder().tls(wrong_ca), "not signed by a trusted CA"),
        ("a wrong name", builder().tls(wrong_name), "not for db.example.com"),
        // Why is in the server's alert, or in a guess if the end of the connection overtakes that.
        ("no certificate", builder().tls(secure.trusting()), "client certificate"),
        ("a certificate of another CA", builder().tls(unknown), "client certificate"),
        ("plain text", builder(), "TLS"),
        ("a wrong password", wrong_password, "the user name or the password is wrong"),
    ] {
        let error = runtime.block_on(builder.connect()).expect_err(who);
        let line = error.to_string();
        assert!(line.contains(why), "{who}: {line}");
        assert!(line.contains(&secure.port().to_string()), "{who}: {line}");
        assert_eq!(line.lines().count(), 1, "{who}: {line}");
        assert!(!format!("{line} {error:?}").contains("wr0ng"), "{who}: {line}");
    }
    Ok(())
}

fn the_programs(secure: &Secure) -> Result<(), Failed> {
    let port = secure.port().to_string();
    let Files { ca, other_ca, cert, key, .. } = &secure.files;
    let at = |program: &str, arguments: &[&str]| -> Output {
        let login = ["--port", &port, "--username", "cassandra", "--password", "cassandra"];
        run(program, &[arguments, &login[..]].concat())
    };
    let client = ["--tls-cert", cert, "--tls-key", key];
    let right = [&["--tls-ca", ca], &client[..]].concat();
    let shell = at(CQLWIRE, &[&["shell", "-f", "cql/users.cql"], &right[..]].concat());
    assert_eq!((shell.code, shell.stderr.as_str()), (0, ""), "{shell:?}");
    let added = at(ADD_USERS, &right);
    assert_eq!((added.code, added.stdout.as_str()), (0, "10 users added\n"), "{added:?}");
    let listed =
        at(LIST_USERS, &[&right[..], &["--host", "localhost", "--compression", "lz4"]].concat());
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 10), "{listed:?}");
    for (arguments, hint) in [
        (vec![], "--tls turns on TLS)"),
        (vec!["--tls-ca", ca], "(check --tls-cert and --tls-key)"),
        ([&["--tls-ca", other_ca], &client[..]].concat(), "(--tls-ca sets the file of its CA)"),
        (
            [&right[..], &["--tls-server-name", "db"]].concat(),
            "(check --host and --tls-server-name)",
        ),
    ] {
        let refused = at(LIST_USERS, &arguments);
        assert_eq!((refused.code, refused.stderr.lines().count()), (1, 1), "{refused:?}");
        assert!(refused.stderr.contains(hint), "{arguments:?}: {refused:?}");
    }
    Ok(())
}

/// On a node without TLS.
pub(crate) fn tls_to_a_plain_port(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let tls = Tls::new().root_certificates_pem(Certificates::new()?.ca())?;
    let builder = Session::builder().contact_points([node.address.to_string()]).tls(tls);
    let line = runtime.block_on(builder.connect()).expect_err("no TLS there").to_string();
    assert!(line.contains("does not speak TLS on this port"), "{line}");
    let host = node.address.to_string();
    let program = run(LIST_USERS, &["--host", &host, "--tls"]);
    assert_eq!((program.code, program.stderr.lines().count()), (1, 1), "{program:?}");
    assert!(program.stderr.ends_with("(try without --tls)\n"), "{program:?}");
    Ok(())
}
