//! The interface of a peer, and the comparison of its answers.

use cqlwire::wire::Compression;
use serde_json::Value;

use crate::cases::Case;
use crate::hex;

/// A codec to compare with.
pub(crate) trait Peer: Send + Sync {
    /// Decodes or encodes the frame of a case, or both.
    ///
    /// # Errors
    /// Returns the peer's error text.
    fn answer(&self, case: &Case) -> Result<Answer, String>;
}

/// The answer of a peer. At least one field is set.
#[derive(Default)]
pub(crate) struct Answer {
    /// The fields that the peer has decoded from cqlwire's bytes.
    pub(crate) fields: Option<Value>,
    /// The frame that the peer has encoded from the decoded or the given fields.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// A known difference of a peer.
///
/// Each entry is a test of its own, which fails if the difference is gone, so that the entry is
/// deleted.
pub(crate) struct Skip {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) applies: fn(&Case) -> bool,
}

/// Compares a peer with cqlwire: the decoded fields must be equal, and cqlwire must decode the peer's
/// bytes to the same fields.
pub(crate) fn compare(peer: &dyn Peer, case: &Case) -> Result<(), String> {
    let answer = peer.answer(case)?;
    if answer.fields.is_none() && answer.bytes.is_none() {
        return Err("the peer gives no answer".to_owned());
    }
    if let Some(fields) = &answer.fields {
        require_equal("the peer reads", fields, &case.fields)?;
    }
    let Some(bytes) = answer.bytes.filter(|bytes| *bytes != case.bytes) else { return Ok(()) };
    // The bytes may differ in the order of maps and in the choices of the LZ4 compressor.
    let theirs = |what: String| format!("{what}; the peer writes {}", hex::encode(&bytes));
    let (fields, again) = case.read(&bytes).map_err(theirs)?;
    require_equal("cqlwire reads the peer's frame as", &fields, &case.fields).map_err(theirs)?;
    let is_compressed = case.context.frame_compression() == Some(Compression::Lz4);
    if again != bytes && !is_compressed {
        return Err(theirs(format!("cqlwire reencodes it as {}", hex::encode(&again))));
    }
    Ok(())
}

fn require_equal(what: &str, fields: &Value, expected: &Value) -> Result<(), String> {
    match fields == expected {
        true => Ok(()),
        false => Err(format!("{what} {fields}, not {expected}")),
    }
}
