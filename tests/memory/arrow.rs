//! Memory use of record batches of hostile pages.

use cqlwire::arrow::{RecordBatchError, record_batch};
use cqlwire::message::{ResponseFrame, ResultMessage, Rows, RowsMetadata};
use cqlwire::types::{ColumnSpec, CqlType, NativeType};
use cqlwire::wire::{Context, FrameDecoder};

use crate::{LIMIT, MEASURING, MEMORY, golden, with_wrong_lengths};

/// Builds the record batch of a page. Returns the result, and the peak of the memory in bytes.
fn measure(page: &Rows) -> (Result<usize, RecordBatchError>, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let rows = record_batch(page).map(|batch| batch.num_rows());
    (rows, MEMORY.peak_usage().saturating_sub(before))
}

fn page(types: impl Iterator<Item = CqlType>, count: usize, content: Vec<u8>) -> Rows {
    let columns: Vec<_> = types.map(|of| ColumnSpec::new("", "", "", of)).collect();
    Rows { metadata: RowsMetadata::new(columns), count, content: content.into() }
}

/// Returns the page in the body of a response, if it has one.
fn decode_page(bytes: &[u8], context: Context) -> Option<Rows> {
    let mut frames = FrameDecoder::new(context);
    frames.extend(bytes);
    let frame = frames.next_frame().ok()??;
    match ResponseFrame::decode(&frame, &context).ok()?.response {
        cqlwire::message::Response::Result(ResultMessage::Rows(rows)) => Some(rows),
        _ => None,
    }
}

#[test]
fn record_batches_are_bounded_by_the_input_length() {
    let _guard = MEASURING.lock().unwrap();
    let mut pages = 0;
    for vector in golden::all() {
        let context = Context { max_body: LIMIT, ..vector.context };
        let original = std::iter::once(vector.bytes.clone());
        for input in original.chain(with_wrong_lengths(&vector.bytes)) {
            let Some(page) = decode_page(&input, context) else { continue };
            pages += 1;
            let (_, peak) = measure(&page);
            let bound = 16 * input.len() + (64 << 10);
            assert!(peak <= bound, "{}: {peak} bytes for {input:02x?}", vector.path.display());
        }
    }
    assert!(pages > 100, "{pages} pages");
}

#[test]
fn columns_without_rows_take_no_memory_for_cells() {
    let _guard = MEASURING.lock().unwrap();
    let columns = 20_000;
    for count in [0, 1, i32::MAX as usize] {
        let page = page((0..columns).map(|_| NativeType::Int.into()), count, Vec::new());
        let (rows, peak) = measure(&page);
        assert_eq!(rows.is_ok(), count == 0);
        assert!(peak <= 1200 * columns, "{peak} bytes for {count} rows");
    }
}

/// The first row has long text in all columns, and nulls follow: an estimate of each column from its first value alone
/// would reserve as many bytes as the page has.
#[test]
fn columns_share_the_memory_that_they_reserve() {
    let _guard = MEASURING.lock().unwrap();
    let (columns, nulls) = (500, 1000);
    let text = [&1000_i32.to_be_bytes()[..], &[b'a'; 1000]].concat().repeat(columns);
    let content = [text, vec![0xff; 4 * columns * nulls]].concat();
    let length = content.len();
    let page = page((0..columns).map(|_| NativeType::Text.into()), nulls + 1, content);
    let (rows, peak) = measure(&page);
    assert_eq!(rows.unwrap(), nulls + 1);
    assert!(peak <= 8 * length, "{peak} bytes for a page of {length}");
}

#[test]
fn nulls_of_long_vectors_take_no_more_than_their_elements() {
    let _guard = MEASURING.lock().unwrap();
    let null = |dimensions| {
        let vector = CqlType::vector(NativeType::Uuid.into(), dimensions);
        measure(&page(std::iter::once(vector), 1, vec![0xff; 4]))
    };
    let (rows, peak) = null(1 << 24);
    assert!(matches!(rows, Err(RecordBatchError::NullsTooLarge { .. })));
    assert!(peak <= 64 << 10, "{peak} bytes for an error");
    let (rows, peak) = null(1 << 22);
    assert_eq!(rows.unwrap(), 1);
    assert!(peak <= 68 << 20, "{peak} bytes for 64 MiB of elements");
}

/// The name of a custom type, nested as deep as types nest.
#[test]
fn the_schema_is_bounded_by_the_length_of_the_types() {
    let _guard = MEASURING.lock().unwrap();
    let name = 30_000;
    let custom = CqlType::Custom("a".repeat(name).into());
    let nested = (0..100).fold(custom, |of, _| CqlType::List(Box::new(of)));
    let (rows, peak) = measure(&page(std::iter::once(nested), 0, Vec::new()));
    assert_eq!(rows.unwrap(), 0);
    assert!(peak <= 10 * name, "{peak} bytes");
}
