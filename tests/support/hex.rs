//! Hex encoding, used to send bytes to child processes.

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let digits = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2).unwrap_or_default());
    digits
        .map(|pair| u8::from_str_radix(pair, 16).map_err(|_| format!("invalid hex: {text:?}")))
        .collect()
}
