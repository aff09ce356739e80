//! What a peer is asked, and how its answer is compared.

use cqlwire::wire::Compression;
use serde_json::Value;

use crate::cases::Case;
use crate::hex;

/// Somebody else's codec.
pub(crate) trait Peer: Send + Sync {
    /// What the peer makes of a frame, or why it makes nothing of it.
    fn answer(&self, case: &Case) -> Result<Answer, String>;
}

/// What a peer can say of a frame; at least one of the two.
#[derive(Default)]
pub(crate) struct Answer {
    /// The fields that it has read from our bytes.
    pub(crate) fields: Option<Value>,
    /// The frame that it writes for what it has read, or for the fields that it was given.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// Frames on which a peer is known to differ.
///
/// That it does is a test of its own: when a peer's defect is gone, its entry has to go, too.
pub(crate) struct Skip {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) applies: fn(&Case) -> bool,
}

/// Whether the peer reads the case as we do, and writes what we read as it does.
pub(crate) fn compare(peer: &dyn Peer, case: &Case) -> Result<(), String> {
    let answer = peer.answer(case)?;
    if answer.fields.is_none() && answer.bytes.is_none() {
        return Err("it says nothing".to_owned());
    }
    if let Some(fields) = &answer.fields {
        same("they read", fields, &case.fields)?;
    }
    let Some(bytes) = answer.bytes.filter(|bytes| *bytes != case.bytes) else { return Ok(()) };
    // Maps have no order, and LZ4 more than one way to compress.
    let theirs = |what: String| format!("{what}; they write {}", hex::encode(&bytes));
    let (fields, again) = case.read(&bytes).map_err(theirs)?;
    same("we read what they write as", &fields, &case.fields).map_err(theirs)?;
    let is_compressed = case.context.frame_compression() == Some(Compression::Lz4);
    if again != bytes && !is_compressed {
        return Err(theirs(format!("we write it again as {}", hex::encode(&again))));
    }
    Ok(())
}

fn same(what: &str, fields: &Value, expected: &Value) -> Result<(), String> {
    match fields == expected {
        true => Ok(()),
        false => Err(format!("{what} {fields}, not {expected}")),
    }
}
