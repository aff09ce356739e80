//! Folders under the workspace's `target`: the permanent cache, and one folder per cluster.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use crate::error::{Error, IoContext};

/// How long the folder of an ended cluster is kept, so that its logs can be read.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// The folder of one cluster, `target/cassandra/run/<version>-<unique>`. It holds `logs`, and `data`
/// with the nodes' data and configuration. Both are kept for a day, unless
/// [`remove_data_on_drop`](Self::remove_data_on_drop) was called.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    remove_data: bool,
    /// Locked while this process runs, so that other processes do not remove the folder.
    _lock: File,
}

impl RunDir {
    pub(crate) fn create(version: &str) -> Result<Self, Error> {
        let parent = harness_dir().join("run");
        create_dir(&parent)?;
        remove_old_runs(&parent);
        let path = tempfile::Builder::new()
            .prefix(&format!("{version}-"))
            .tempdir_in(&parent)
            .context(|| format!("creating a folder in {}", parent.display()))?
            .keep();
        create_dir(&path.join("logs"))?;
        create_dir(&path.join("data"))?;
        let lock = lock(&path.join("lock"))?;
        Ok(Self { path, remove_data: false, _lock: lock })
    }

    /// Returns the folder's name, which is unique.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Returns the folder of one node's data, configuration and temporary files.
    pub(crate) fn node(&self, number: u8) -> PathBuf {
        self.path.join("data").join(format!("node{number}"))
    }

    /// Returns the folder of the nodes' keys and certificates.
    pub(crate) fn tls(&self) -> PathBuf {
        self.path.join("data/tls")
    }

    /// Removes the data on drop, unless the thread is panicking. Call this when the cluster has
    /// started. The data of a failed start or a failed test is kept for debugging.
    pub(crate) fn remove_data_on_drop(&mut self) {
        self.remove_data = true;
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if self.remove_data && !thread::panicking() {
            let _ = fs::remove_dir_all(self.path.join("data"));
        }
    }
}

/// Returns `target/cassandra` of the workspace. Respects `CARGO_TARGET_DIR`.
pub(crate) fn harness_dir() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().unwrap_or(workspace);
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    workspace.join(target).join("cassandra")
}

/// Creates a folder and its parents.
pub(crate) fn create_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).context(|| format!("creating {}", path.display()))
}

/// Locks the file at `path`, which is created if it does not exist, and waits for other holders. The
/// lock is released when the returned file is dropped or the process ends.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let locked = File::create(path).and_then(|file| file.lock().map(|()| file));
    locked.context(|| format!("locking {}", path.display()))
}

fn remove_old_runs(parent: &Path) {
    let is_old = |path: &Path| {
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        modified
            .and_then(|at| SystemTime::now().duration_since(at).ok())
            .is_some_and(|a| a > RETENTION)
    };
    let in_use =
        |path: &Path| File::open(path.join("lock")).is_ok_and(|file| file.try_lock().is_err());
    let Ok(entries) = fs::read_dir(parent) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if is_old(&path) && !in_use(&path) {
            // Another process may remove it at the same time. The next run retries after a failure.
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_only_old_runs_that_are_not_in_use() {
        let parent = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - 2 * RETENTION;
        for (name, old) in [("young", false), ("old", true), ("used", true)] {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            File::create(path.join("lock")).unwrap();
            if old {
                File::open(&path).unwrap().set_modified(long_ago).unwrap();
            }
        }
        let _lock = lock(&parent.path().join("used/lock")).unwrap();
        remove_old_runs(parent.path());
        let exists = |name| parent.path().join(name).exists();
        assert_eq!((exists("young"), exists("old"), exists("used")), (true, false, true));
    }
}
