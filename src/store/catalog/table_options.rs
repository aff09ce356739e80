//! The options of tables.

use uuid::Uuid;

use super::options::{self, OptionMap, boolean, check_names, class, double, int, map, simple};
use crate::cql::Options;
use crate::message::{ErrorCode, ServerError};
use crate::store::error::{config, syntax_error};

/// Greatest time to live, in seconds: 20 years.
pub(in crate::store) const MAX_TTL: i32 = 630_720_000;

/// The options of a table, with the defaults of Cassandra 5.0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableOptions {
    pub(crate) additional_write_policy: String,
    pub(crate) allow_auto_snapshot: bool,
    pub(crate) bloom_filter_fp_chance: f64,
    pub(crate) caching: OptionMap,
    pub(crate) cdc: bool,
    pub(crate) comment: String,
    pub(crate) compaction: OptionMap,
    pub(crate) compression: OptionMap,
    pub(crate) crc_check_chance: f64,
    pub(crate) default_time_to_live: i32,
    pub(crate) gc_grace_seconds: i32,
    pub(crate) incremental_backups: bool,
    pub(crate) max_index_interval: i32,
    pub(crate) memtable: String,
    pub(crate) memtable_flush_period_in_ms: i32,
    pub(crate) min_index_interval: i32,
    pub(crate) read_repair: String,
    pub(crate) speculative_retry: String,
}

const NAMES: [&str; 20] = [
    "additional_write_policy",
    "allow_auto_snapshot",
    "bloom_filter_fp_chance",
    "caching",
    "cdc",
    "comment",
    "compaction",
    "compression",
    "crc_check_chance",
    "default_time_to_live",
    "extensions",
    "gc_grace_seconds",
    "id",
    "incremental_backups",
    "max_index_interval",
    "memtable",
    "memtable_flush_period_in_ms",
    "min_index_interval",
    "read_repair",
    "speculative_retry",
];

const COMPACTION: &str = "org.apache.cassandra.db.compaction";
const COMPRESSION: &str = "org.apache.cassandra.io.compress";

fn entries(entries: &[(&str, &str)]) -> OptionMap {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            additional_write_policy: "99p".to_owned(),
            allow_auto_snapshot: true,
            bloom_filter_fp_chance: 0.01,
            caching: entries(&[("keys", "ALL"), ("rows_per_partition", "NONE")]),
            cdc: false,
            comment: String::new(),
            compaction: entries(&[
                ("class", "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy"),
                ("max_threshold", "32"),
                ("min_threshold", "4"),
            ]),
            compression: entries(&[
                ("chunk_length_in_kb", "16"),
                ("class", "org.apache.cassandra.io.compress.LZ4Compressor"),
            ]),
            crc_check_chance: 1.0,
            default_time_to_live: 0,
            gc_grace_seconds: 864_000,
            incremental_backups: true,
            max_index_interval: 2_048,
            memtable: "default".to_owned(),
            memtable_flush_period_in_ms: 0,
            min_index_interval: 128,
            read_repair: "BLOCKING".to_owned(),
            speculative_retry: "99p".to_owned(),
        }
    }
}

/// Returns the id that the option `id` gives a new table.
pub(in crate::store) fn table_id(options: &Options) -> Result<Option<Uuid>, ServerError> {
    let id = simple(options, "id")?;
    let parse = |id: String| id.parse().map_err(|_| config("Invalid table id"));
    id.map(parse).transpose()
}

impl TableOptions {
    /// Returns these options with those of WITH.
    ///
    /// # Errors
    /// Returns the error of Cassandra if an option is unknown or has an invalid value.
    pub(in crate::store) fn with(mut self, options: &Options) -> Result<Self, ServerError> {
        check_names(options, &NAMES)?;
        // A statement may repeat what DESCRIBE prints, but extensions have a meaning only to plugins.
        if map(options, "extensions")?.is_some_and(|extensions| !extensions.is_empty()) {
            return Err(syntax_error(&"MockServer does not support the option extensions"));
        }
        set(&mut self.allow_auto_snapshot, boolean(options, "allow_auto_snapshot")?);
        set(&mut self.cdc, boolean(options, "cdc")?);
        set(&mut self.incremental_backups, boolean(options, "incremental_backups")?);
        set(&mut self.comment, simple(options, "comment")?);
        set(&mut self.memtable, simple(options, "memtable")?);
        set(&mut self.default_time_to_live, int(options, "default_time_to_live")?);
        set(&mut self.gc_grace_seconds, int(options, "gc_grace_seconds")?);
        set(&mut self.max_index_interval, int(options, "max_index_interval")?);
        set(&mut self.min_index_interval, int(options, "min_index_interval")?);
        let flush = int(options, "memtable_flush_period_in_ms")?;
        set(&mut self.memtable_flush_period_in_ms, flush);
        set(&mut self.crc_check_chance, double(options, "crc_check_chance")?);
        set(&mut self.caching, map(options, "caching")?.map(caching).transpose()?);
        let compaction = map(options, "compaction")?.map(compaction).transpose()?;
        if let Some(compaction) = compaction {
            let is_leveled =
                compaction.iter().any(|(_, class)| class.ends_with(".LeveledCompactionStrategy"));
            self.bloom_filter_fp_chance = if is_leveled { 0.1 } else { 0.01 };
            self.compaction = compaction;
        }
        set(&mut self.bloom_filter_fp_chance, double(options, "bloom_filter_fp_chance")?);
        set(&mut self.compression, map(options, "compression")?.map(compression).transpose()?);
        let retry =
            |name| simple(options, name)?.map(|policy| retry_policy(&policy, name)).transpose();
        set(&mut self.speculative_retry, retry("speculative_retry")?);
        set(&mut self.additional_write_policy, retry("additional_write_policy")?);
        if let Some(strategy) = simple(options, "read_repair")? {
            self.read_repair = strategy.to_uppercase();
        }
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), ServerError> {
        let fail = |name: &str, bound: String, value: &dyn std::fmt::Display| {
            Err(config(format!("{name} must be {bound} (got {value})")))
        };
        let at_least = |minimum: i32| format!("greater than or equal to {minimum}");
        let bloom = self.bloom_filter_fp_chance;
        // The lowest chance that Cassandra's filters support.
        if !(bloom > 6.713_994_1e-5 && bloom <= 1.0) {
            let bound = "larger than 6.71E-5 and less than or equal to 1.0".to_owned();
            return fail("bloom_filter_fp_chance", bound, &java_double(bloom));
        }
        let crc = self.crc_check_chance;
        if !(0.0..=1.0).contains(&crc) {
            let bound = "larger than or equal to 0 and smaller than or equal to 1.0".to_owned();
            return fail("crc_check_chance", bound, &java_double(crc));
        }
        let ttl = self.default_time_to_live;
        if ttl < 0 {
            return fail("default_time_to_live", at_least(0), &ttl);
        }
        if ttl > MAX_TTL {
            let bound = format!("less than or equal to {MAX_TTL}");
            return fail("default_time_to_live", bound, &ttl);
        }
        if self.gc_grace_seconds < 0 {
            return fail("gc_grace_seconds", at_least(0), &self.gc_grace_seconds);
        }
        let (minimum, maximum) = (self.min_index_interval, self.max_index_interval);
        if minimum < 1 {
            return fail("min_index_interval", at_least(1), &minimum);
        }
        if maximum < minimum {
            let bound = format!("greater than or equal to min_index_interval ({minimum})");
            return fail("max_index_interval", bound, &maximum);
        }
        if self.memtable_flush_period_in_ms < 0 {
            let period = self.memtable_flush_period_in_ms;
            return fail("memtable_flush_period_in_ms", at_least(0), &period);
        }
        match &*self.read_repair {
            "BLOCKING" | "NONE" => Ok(()),
            // Cassandra does not expect the error of its parser.
            other => Err(ServerError::new(
                ErrorCode::Server,
                format!(
                    "java.lang.IllegalArgumentException: No enum constant \
                     org.apache.cassandra.service.reads.repair.ReadRepairStrategy.{other}"
                ),
            )),
        }
    }
}

/// Replaces an option that the statement has.
fn set<T>(option: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *option = value;
    }
}

/// Returns a number as Java prints it: with a fraction.
fn java_double(number: f64) -> String {
    format!("{number:?}")
}

fn caching(mut given: OptionMap) -> Result<OptionMap, ServerError> {
    let fault = |value: &str, option: &str, allowed: &str| {
        Err(config(format!(
            "Invalid value '{value}' for caching sub-option '{option}': only {allowed} allowed"
        )))
    };
    let given_keys = options::remove(&mut given, "keys").unwrap_or_else(|| "NONE".to_owned());
    let keys = given_keys.to_uppercase();
    if keys != "ALL" && keys != "NONE" {
        return fault(&given_keys, "keys", "'ALL' and 'NONE' are");
    }
    let given_rows = options::remove(&mut given, "rows_per_partition");
    let given_rows = given_rows.unwrap_or_else(|| "NONE".to_owned());
    let rows = given_rows.to_uppercase();
    if rows != "ALL" && rows != "NONE" && rows.parse::<u32>().is_err() {
        return fault(&given_rows, "rows_per_partition", "'ALL', 'NONE', and integer values are");
    }
    match given.is_empty() {
        true => Ok(entries(&[("keys", &keys), ("rows_per_partition", &rows)])),
        false => {
            let names: Vec<_> = given.into_iter().map(|(name, _)| name).collect();
            Err(config(format!(
                "Invalid caching sub-options [{}]: only 'keys' and 'rows_per_partition' are allowed",
                names.join(", ")
            )))
        }
    }
}

fn compaction(mut given: OptionMap) -> Result<OptionMap, ServerError> {
    const STRATEGIES: [&str; 4] = [
        "LeveledCompactionStrategy",
        "SizeTieredCompactionStrategy",
        "TimeWindowCompactionStrategy",
        "UnifiedCompactionStrategy",
    ];
    let Some(name) = options::remove(&mut given, "class") else {
        return Err(config("Missing sub-option 'class' for the 'compaction' option"));
    };
    let name = class(&name, COMPACTION, &STRATEGIES, "compaction strategy")?;
    // Cassandra stores the thresholds of the strategies that have them.
    if !name.ends_with(".UnifiedCompactionStrategy") {
        for (option, default) in [("min_threshold", "4"), ("max_threshold", "32")] {
            if !given.iter().any(|(known, _)| known == option) {
                given.push((option.to_owned(), default.to_owned()));
            }
        }
    }
    given.push(("class".to_owned(), name));
    given.sort();
    Ok(given)
}

fn compression(mut given: OptionMap) -> Result<OptionMap, ServerError> {
    const COMPRESSORS: [&str; 5] = [
        "DeflateCompressor",
        "LZ4Compressor",
        "NoopCompressor",
        "SnappyCompressor",
        "ZstdCompressor",
    ];
    let enabled = options::remove(&mut given, "enabled");
    let is_enabled = enabled.is_none_or(|enabled| enabled.eq_ignore_ascii_case("true"));
    if !is_enabled && !given.is_empty() {
        return Err(config(
            "If the 'enabled' option is set to false no other options must be specified",
        ));
    }
    if !is_enabled || given.is_empty() {
        return Ok(entries(&[("enabled", "false")]));
    }
    let Some(name) = options::remove(&mut given, "class") else {
        return Err(config("Missing sub-option 'class' for the 'compression' option."));
    };
    if name.is_empty() {
        return Err(config(
            "The 'class' option must not be empty. To disable compression use 'enabled' : false",
        ));
    }
    let full = match name.contains('.') {
        true => name,
        false => format!("{COMPRESSION}.{name}"),
    };
    let is_known = COMPRESSORS.iter().any(|known| full == format!("{COMPRESSION}.{known}"));
    if !is_known {
        return Err(config(format!("Could not create Compression for type {full}")));
    }
    let length = options::remove(&mut given, "chunk_length_in_kb");
    let length = length.unwrap_or_else(|| "16".to_owned());
    let Ok(kilobytes) = length.parse::<i32>() else {
        return Err(config("Invalid value for chunk_length_in_kb"));
    };
    if kilobytes <= 0 {
        return Err(config("Invalid negative or null chunk_length_in_kb"));
    }
    if kilobytes.count_ones() != 1 {
        return Err(config("chunk_length_in_kb must be a power of 2"));
    }
    given.push(("chunk_length_in_kb".to_owned(), length));
    given.push(("class".to_owned(), full));
    given.sort();
    Ok(given)
}

/// Returns a policy of speculative retries as Cassandra stores it.
fn retry_policy(policy: &str, option: &str) -> Result<String, ServerError> {
    let upper = policy.trim().to_uppercase();
    let percentile = upper.strip_suffix("PERCENTILE").or_else(|| upper.strip_suffix('P'));
    let milliseconds = upper.strip_suffix("MS");
    let number = |text: &str| text.trim().parse::<f64>().ok();
    if matches!(&*upper, "ALWAYS" | "NEVER") {
        return Ok(upper);
    }
    if upper == "NONE" {
        return Ok("NEVER".to_owned());
    }
    if let Some(percentile) = percentile.and_then(number)
        && (0.0..=100.0).contains(&percentile)
    {
        return Ok(format!("{percentile}p"));
    }
    if let Some(milliseconds) = milliseconds.and_then(number) {
        return Ok(format!("{milliseconds}ms"));
    }
    if upper.starts_with("MIN(") || upper.starts_with("MAX(") {
        return Ok(upper);
    }
    Err(config(format!("Invalid value {policy} for option '{option}'")))
}
