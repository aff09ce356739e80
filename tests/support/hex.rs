//! Hex encoding, used to send bytes to child processes.

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    base16ct::lower::encode_string(bytes.as_ref())
}

pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    base16ct::mixed::decode_vec(text).map_err(|_| format!("invalid hex: {text:?}"))
}
