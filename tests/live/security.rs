//! A node that requires TLS, a client certificate and a password, with valid and invalid clients.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use cassandra_harness::{Certificates, ClientCertificates, Cluster, Options, Tls as NodeTls};
use cqlwire::connection::Tls;
use cqlwire::session::{Error, ErrorKind, Session, SessionBuilder};
use libtest_mimic::{Failed, Trial};

use crate::fleet::{self, Node, runtime};
use crate::program::{ADD_USERS, LIST_USERS, Output, run};
use crate::programs::CQLWIRE;
use crate::requirements::{self, missing_launcher};

/// A node that requires a password and a client certificate from its CA.
struct SecureNode {
    cluster: Cluster,
    certificates: Arc<Certificates>,
    files: Files,
}

/// Paths of PEM files for the programs.
struct Files {
    _folder: tempfile::TempDir,
    ca: String,
    other_ca: String,
    cert: String,
    key: String,
}

type Test = fn(&SecureNode) -> Result<(), Failed>;

const TESTS: &[(&str, Test)] = &[
    ("connects_with_valid_credentials", connects_with_valid_credentials),
    ("refuses_invalid_credentials", refuses_invalid_credentials),
    ("programs_connect_over_tls", programs_connect_over_tls),
];

/// Returns the tests on a node of `version`. The first test that runs starts the node.
pub(crate) fn tests(version: &str) -> Vec<Trial> {
    let missing = match fleet::starts_nodes() {
        true => options(version).map_or_else(|_| None, |(options, _)| missing_launcher(&options)),
        false => fleet::not_started().cloned(),
    };
    let node = Arc::new(OnceLock::new());
    let trial = |&(name, test): &(&str, Test)| {
        let (node, version) = (Arc::clone(&node), version.to_owned());
        let name = format!("{version}::security::{name}");
        requirements::trial(name, missing.as_ref(), move || {
            let started =
                node.get_or_init(|| SecureNode::start(&version).map_err(|e| e.to_string()));
            test(started.as_ref().map_err(Failed::from)?)
        })
    };
    let by_certificate = {
        let version = version.to_owned();
        let name = format!("{version}::security::connects_by_a_client_certificate");
        requirements::trial(name, missing.as_ref(), move || {
            connects_by_a_client_certificate(&version)
        })
    };
    TESTS.iter().map(trial).chain([by_certificate]).collect()
}

fn options(version: &str) -> Result<(Options, Arc<Certificates>), cassandra_harness::Error> {
    let tls = NodeTls::new()?.client_certificates(ClientCertificates::Required);
    let certificates = Arc::clone(&tls.certificates);
    Ok((Options::new(version).authentication(true).tls(tls), certificates))
}

impl SecureNode {
    fn start(version: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let (options, certificates) = options(version)?;
        let cluster = Cluster::start(&options)?;
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

    /// Returns a configuration that trusts the node, without a client certificate.
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

fn connects_with_valid_credentials(secure: &SecureNode) -> Result<(), Failed> {
    let runtime = runtime()?;
    for host in ["127.0.0.1", "localhost"] {
        runtime.block_on(async {
            let session = secure.builder(host).tls(secure.tls()).connect().await?;
            let local = session.execute("SELECT key FROM system.local", ()).await?;
            assert_eq!(local.one::<&str>()?, "local");
            // Larger than the socket buffers, in both directions.
            let long = "x".repeat(2 << 20);
            let echo = format!("SELECT (text)'{long}' AS echo FROM system.local");
            let echoed = session.execute(echo, ()).await?;
            assert!(echoed.one::<&str>()? == long, "the echoed text differs");
            Ok::<_, Error>(())
        })?;
    }
    Ok(())
}

fn refuses_invalid_credentials(secure: &SecureNode) -> Result<(), Failed> {
    let runtime = runtime()?;
    let other_ca = Certificates::new()?;
    let client = other_ca.issue(&[])?;
    let unknown = secure.trusting().client_certificate_pem(client.certificate, client.key)?;
    let wrong_ca = Tls::new().root_certificates_pem(other_ca.ca())?;
    let wrong_name = secure.tls().server_name("db.example.com")?;
    let builder = || secure.builder("127.0.0.1");
    let wrong_password = builder().credentials("cassandra", "wr0ng").tls(secure.tls());
    for (who, builder, why) in [
        ("a wrong CA", builder().tls(wrong_ca), "not signed by a trusted CA"),
        ("a wrong name", builder().tls(wrong_name), "not for db.example.com"),
        // The reason is in the server's alert, or guessed if the connection closes before the alert.
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

fn programs_connect_over_tls(secure: &SecureNode) -> Result<(), Failed> {
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
        (vec!["--tls-ca", ca], "check --tls-cert and --tls-key)"),
        ([&["--tls-ca", other_ca], &client[..]].concat(), "--tls-ca sets the file of its CA)"),
        (
            [&right[..], &["--tls-server-name", "db"]].concat(),
            "check --host and --tls-server-name)",
        ),
    ] {
        let refused = at(LIST_USERS, &arguments);
        assert_eq!((refused.code, refused.stderr.lines().count()), (1, 1), "{refused:?}");
        assert!(refused.stderr.contains(hint), "{arguments:?}: {refused:?}");
    }
    Ok(())
}

/// Connects with TLS to a node without TLS.
pub(crate) fn reports_a_server_without_tls(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let tls = Tls::new().root_certificates_pem(Certificates::new()?.ca())?;
    let builder = Session::builder().contact_points([node.address.to_string()]).tls(tls);
    let line =
        runtime.block_on(builder.connect()).expect_err("the node should not speak TLS").to_string();
    assert!(line.contains("does not speak TLS on this port"), "{line}");
    let host = node.address.to_string();
    let program = run(LIST_USERS, &["--host", &host, "--tls"]);
    assert_eq!((program.code, program.stderr.lines().count()), (1, 1), "{program:?}");
    assert!(program.stderr.ends_with("(try without --tls)\n"), "{program:?}");
    Ok(())
}

/// Connects without a password to a node that identifies clients by their certificates. Cassandra 5.0
/// sends AUTHENTICATE to such a client, and 6.0 sends READY.
fn connects_by_a_client_certificate(version: &str) -> Result<(), Failed> {
    let tls = NodeTls::new()?.client_certificates(ClientCertificates::RequiredByTls);
    let certificates = Arc::clone(&tls.certificates);
    let authenticator = "{class_name: MutualTlsWithPasswordFallbackAuthenticator, parameters: \
                         {validator_class_name: SpiffeCertificateValidator}}";
    let options = Options::new(version).authentication(true).tls(tls);
    let cluster = Cluster::start(&options.set("authenticator", authenticator))?;
    let plain = || Session::builder().contact_points([cluster.contact_points()[0].to_string()]);
    let builder = |tls| plain().tls(tls);
    let with_identity = |uri| {
        let client = certificates.issue_identity(uri)?;
        let trusting = Tls::new().root_certificates_pem(certificates.ca())?;
        Ok::<_, Failed>(trusting.client_certificate_pem(client.certificate, client.key)?)
    };
    runtime()?.block_on(async {
        // A client without TLS logs in with a password.
        let error = plain().connect().await.expect_err("no password");
        assert!(error.to_string().contains("requires a user name and a password"), "{error}");
        let admin = plain().credentials("cassandra", "cassandra").connect().await?;
        admin.execute("CREATE ROLE ada WITH LOGIN = true", ()).await?;
        admin.execute("ADD IDENTITY 'spiffe://cqlwire/ada' TO ROLE 'ada'", ()).await?;
        let ada = with_identity("spiffe://cqlwire/ada")?;
        let session = builder(ada.clone()).connect().await?;
        session.execute("SELECT key FROM system.local", ()).await?;
        // The node does not read the password.
        builder(ada).credentials("cassandra", "wr0ng").connect().await?;
        let unknown = with_identity("spiffe://cqlwire/bob")?;
        let error = builder(unknown).connect().await.expect_err("an unknown identity");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
        Ok(())
    })
}
