//! The configuration files of cqlsh: cqlshrc and the file of credentials.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// The options of a configuration file, by section and name. The `Debug` output omits the values, such as
/// passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct ConfigFile(HashMap<(String, String), String>);

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl ConfigFile {
    /// Reads a file. A file that does not exist has no options.
    ///
    /// # Errors
    /// Returns an error that names the file if it cannot be read.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        match fs::read(file) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("cannot read {}: {error}", file.display())),
        }
    }

    /// Parses the text of a file, as Python's `configparser` does. Lines that are not understood are
    /// ignored.
    fn parse(text: &str) -> Self {
        let mut options: HashMap<_, String> = HashMap::new();
        let mut section = String::new();
        let mut last = None;
        let mut last_indent = 0;
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            let indent = line.chars().take_while(|c| c.is_whitespace()).count();
            // Only a line that is indented deeper than the name of the option continues its value.
            if indent > last_indent
                && let Some(value) = last.as_ref().and_then(|key| options.get_mut(key))
            {
                value.push('\n');
                value.push_str(content);
                continue;
            }
            last_indent = indent;
            if let Some(name) = content.strip_prefix('[') {
                section = name.trim_end_matches(']').to_owned();
                last = None;
            } else if let Some((name, value)) = content.split_once(['=', ':']) {
                let key = (section.clone(), name.trim().to_ascii_lowercase());
                options.insert(key.clone(), value.trim().to_owned());
                last = Some(key);
            }
        }
        Self(options)
    }

    /// Returns an option, or `None` if it is not set.
    pub(super) fn get(&self, section: &str, name: &str) -> Option<&str> {
        self.0.get(&(section.to_owned(), name.to_owned())).map(String::as_str)
    }

    /// Returns an option as a value of another type, or `None` if it is not set.
    ///
    /// # Errors
    /// Returns an error that names the option if it is not such a value.
    pub(super) fn parsed<T: std::str::FromStr>(
        &self,
        section: &str,
        name: &str,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.get(section, name) else { return Ok(None) };
        let error = |_| format!("cqlshrc: [{section}] {name} = {text} is not valid");
        text.parse().map(Some).map_err(error)
    }

    /// Returns an option that is on or off, or `None` if it is not set.
    ///
    /// # Errors
    /// Returns an error that names the option if it is neither.
    pub(super) fn switch(&self, section: &str, name: &str) -> Result<Option<bool>, String> {
        let Some(text) = self.get(section, name) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "1" | "yes" | "true" | "on" => Ok(Some(true)),
            "0" | "no" | "false" | "off" => Ok(Some(false)),
            _ => Err(format!("cqlshrc: [{section}] {name} = {text} is neither on nor off")),
        }
    }
}

/// Returns true if a file belongs to the user of this process and neither its group nor other users can read
/// it, or if it does not exist. For root, the owner does not matter, as in cqlsh. Without `/proc`, the owner
/// is not checked. Always true where files have no Unix permissions.
pub(super) fn is_secure(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let Ok(metadata) = fs::metadata(file) else { return true };
        let user = fs::metadata("/proc/self").map(|process| process.uid());
        is_secure_for(user.ok(), metadata.uid(), metadata.mode())
    }
    #[cfg(not(unix))]
    {
        let _no_permissions = file;
        true
    }
}

/// Returns true if a file of `owner` with these permissions is secure for a user; `None` if the user is not
/// known.
#[cfg(unix)]
fn is_secure_for(user: Option<u32>, owner: u32, mode: u32) -> bool {
    let is_owner = user.is_none_or(|user| user == 0 || user == owner);
    is_owner && mode & 0o044 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_configparser_reads() {
        let text =
            "; comment\n[ui]\nColor = on\ntime_format: %Y\n  %m\n# x\n[connection]\nport = 9043\n";
        let file = ConfigFile::parse(text);
        assert_eq!(file.switch("ui", "color"), Ok(Some(true)));
        assert_eq!(file.get("ui", "time_format"), Some("%Y\n%m"));
        assert_eq!(file.parsed("connection", "port"), Ok(Some(9043_u16)));
        assert_eq!(file.get("connection", "color"), None);
    }

    #[test]
    fn a_line_continues_a_value_only_if_it_is_indented_deeper_than_its_name() {
        let text = "[authentication]\n  username = ada\n  password = s3cret\n  [ui]\n    color = on\n      x\n";
        let file = ConfigFile::parse(text);
        assert_eq!(file.get("authentication", "username"), Some("ada"));
        assert_eq!(file.get("authentication", "password"), Some("s3cret"));
        assert_eq!(file.get("ui", "color"), Some("on\nx"));
        assert!(!format!("{file:?}").contains("s3cret"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_another_user_or_that_others_can_read_is_not_secure() {
        for (user, owner, mode, expected) in [
            (Some(1000), 1000, 0o600, true),
            (Some(1000), 1000, 0o640, false),
            (Some(1000), 1000, 0o604, false),
            (Some(1000), 1001, 0o600, false),
            (Some(0), 1001, 0o600, true),
            (None, 1001, 0o600, true),
        ] {
            assert_eq!(is_secure_for(user, owner, mode), expected, "{user:?} {owner} {mode:o}");
        }
    }

    #[test]
    fn names_the_option_that_is_not_valid() {
        let file = ConfigFile::parse("[connection]\nport = x\nssl = maybe\n");
        let error = file.parsed::<u16>("connection", "port").unwrap_err();
        assert_eq!(error, "cqlshrc: [connection] port = x is not valid");
        let error = file.switch("connection", "ssl").unwrap_err();
        assert_eq!(error, "cqlshrc: [connection] ssl = maybe is neither on nor off");
    }
}
