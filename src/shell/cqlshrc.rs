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

/// Returns true if only the owner can read a file, or if it does not exist. Always true where files have
/// no Unix permissions.
pub(super) fn is_private(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(file).map_or(true, |metadata| metadata.permissions().mode() & 0o044 == 0)
    }
    #[cfg(not(unix))]
    {
        let _no_permissions = file;
        true
    }
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

    #[test]
    fn names_the_option_that_is_not_valid() {
        let file = ConfigFile::parse("[connection]\nport = x\nssl = maybe\n");
        let error = file.parsed::<u16>("connection", "port").unwrap_err();
        assert_eq!(error, "cqlshrc: [connection] port = x is not valid");
        let error = file.switch("connection", "ssl").unwrap_err();
        assert_eq!(error, "cqlshrc: [connection] ssl = maybe is neither on nor off");
    }
}
