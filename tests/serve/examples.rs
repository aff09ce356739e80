//! The examples in `examples/serve/`, run by the test frameworks that they are for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::install::{self, succeeds};
use crate::server::CQLWIRE;
use crate::setup::{SetupError, download};

/// The example for one test framework.
pub(crate) struct Example {
    pub(crate) name: &'static str,
    /// Returns the requirement that this machine lacks, or `None` if it lacks none.
    pub(crate) missing: fn() -> Option<&'static str>,
    pub(crate) run: fn() -> Result<(), SetupError>,
}

pub(crate) const ALL: &[Example] = &[
    Example {
        name: "pytest",
        missing: missing_python,
        run: || {
            let mut pytest = Command::new(python()?);
            run(pytest.args(["-m", "pytest", "-q", "test_orders.py"]).current_dir(copy("pytest")?))
        },
    },
    Example { name: "readme", missing: missing_python, run: run_readme },
    Example {
        name: "jest",
        missing: || (!succeeds(Command::new("npm").arg("--version"))).then_some("Node.js with npm"),
        run: run_jest,
    },
    Example {
        name: "go",
        missing: || (!succeeds(Command::new("go").arg("version"))).then_some("Go"),
        run: || {
            let folder = copy("go")?;
            download(Command::new("go").args(["mod", "download"]).current_dir(&folder))?;
            run(Command::new("go").args(["test", "-count=1", "./..."]).current_dir(folder))
        },
    },
    Example {
        name: "junit",
        missing: || {
            let all =
                ["javac", "mvn"].iter().all(|tool| succeeds(Command::new(tool).arg("-version")));
            (!all).then_some("JDK of Java 17 with Maven")
        },
        run: || run(Command::new("mvn").args(["-q", "-B", "test"]).current_dir(copy("junit")?)),
    },
];

/// The packages of the example for pytest.
const PYTHON_PACKAGES: [&str; 2] = ["cassandra-driver==3.30.1", "pytest==8.4.2"];

fn missing_python() -> Option<&'static str> {
    let is_installed = succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    (!is_installed).then_some("python3 with venv and pip")
}

/// Returns the Python of a virtual environment, which the first call installs.
fn python() -> Result<PathBuf, SetupError> {
    static INSTALLED: LazyLock<Result<PathBuf, SetupError>> = LazyLock::new(|| {
        let folder = target().join("python");
        let python = folder.join("bin/python");
        if !succeeds(Command::new(&python).args(["-c", "import cassandra, pytest"])) {
            install::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            download(pip.args(PYTHON_PACKAGES))?;
        }
        Ok(python)
    });
    INSTALLED.clone()
}

/// Runs the program in Python that the README shows.
fn run_readme() -> Result<(), SetupError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).map_err(|error| error.to_string())?;
    let program = readme.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    let program = program.ok_or_else(|| "the README has no program in Python".to_owned())?;
    run(Command::new(python()?).args(["-c", program]).current_dir(root))
}

fn run_jest() -> Result<(), SetupError> {
    let folder = copy("jest")?;
    let mut npm = Command::new("npm");
    download(npm.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    run(Command::new("npm").arg("test").current_dir(folder))
}

/// Runs a command with the folder of `cqlwire` at the front of its PATH.
fn run(command: &mut Command) -> Result<(), SetupError> {
    let folder = Path::new(CQLWIRE).parent().unwrap_or(Path::new("."));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [folder.to_owned()].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).map_err(|error| error.to_string())?;
    install::run(command.env("PATH", path)).map_err(SetupError::Failed)
}

/// Returns the folder `target/serve/`.
fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("serve")
}

/// Copies the example into a folder in `target`, in which its framework may write, and returns the
/// folder. Files that the framework wrote before remain.
fn copy(name: &str) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/serve");
    let target = target();
    let failed = |error: std::io::Error| format!("cannot copy the example {name}: {error}");
    fs::create_dir_all(&target).map_err(failed)?;
    fs::copy(source.join("shop.cql"), target.join("shop.cql")).map_err(failed)?;
    copy_folder(&source.join(name), &target.join(name)).map_err(failed)?;
    Ok(target.join(name))
}

fn copy_folder(source: &Path, target: &Path) -> std::io::Result<()> {
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let copied = target.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &copied)?,
            false => drop(fs::copy(entry.path(), copied)?),
        }
    }
    Ok(())
}
