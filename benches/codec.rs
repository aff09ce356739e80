//! `cargo bench --bench codec`: the running time of the most frequent operations of a client.
//! `benches/peers` counts instructions, and compares them with those of other codecs.

use std::hint::black_box;

use bytes::Bytes;
use cqlwire::message::{Parameters, Query, RequestFrame};
use cqlwire::types::{ColumnSpec, NativeType, RowIter, Value, ValuesBuffer};
use cqlwire::wire::{Compression, Consistency, FrameEncoder, Stream, Version};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ROWS: usize = 5_000;
const USER: (&str, &str) = ("john_doe", "correct horse battery");

fn columns() -> [ColumnSpec; 2] {
    ["username", "password"].map(|name| ColumnSpec::new("app", "users", name, NativeType::Text))
}

fn page() -> Bytes {
    let put = |cell: &str| [&[0, 0, 0, cell.len() as u8], cell.as_bytes()].concat();
    [put(USER.0), put(USER.1)].concat().repeat(ROWS).into()
}

fn consume<T>(row: T) {
    black_box(row);
}

fn rows(criterion: &mut Criterion) {
    let (page, columns) = (page(), columns());
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("borrowed", |bencher| {
        let rows = || RowIter::<(&str, &str)>::new(&page, &columns, ROWS).unwrap();
        bencher.iter(|| rows().map(Result::unwrap).for_each(consume));
    });
    group.bench_function("dynamic values", |bencher| {
        let rows = || RowIter::<Vec<Value>>::new(&page, &columns, ROWS).unwrap();
        bencher.iter(|| rows().map(Result::unwrap).for_each(consume));
    });
}

fn query(criterion: &mut Criterion) {
    let (columns, mut values, mut out) = (columns(), ValuesBuffer::new(), Vec::new());
    let mut encoder = FrameEncoder::new(Version::V4);
    criterion.bench_function("encode QUERY", |bencher| {
        bencher.iter(|| {
            out.clear();
            let values = values.bind(black_box(&USER), &columns).unwrap();
            let parameters = Parameters { values, ..Consistency::LocalQuorum.into() };
            let text = "INSERT INTO app.users (username, password) VALUES (?, ?)".into();
            let query = Query { text, parameters };
            RequestFrame::encode_bare(Stream(0), &query, &mut encoder, &mut out).unwrap();
            black_box(&out);
        });
    });
}

fn lz4(criterion: &mut Criterion) {
    let (body, mut buffer, mut plain) = (page(), Vec::new(), Vec::new());
    let compressed = Compression::Lz4.compress_into(&body, &mut buffer).to_vec();
    let mut group = criterion.benchmark_group("LZ4");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("compress", |bencher| {
        bencher.iter(|| Compression::Lz4.compress_into(black_box(&body), &mut buffer).len());
    });
    group.bench_function("decompress", |bencher| {
        bencher.iter(|| {
            Compression::Lz4.decompress_into(black_box(&compressed), body.len(), &mut plain)
        });
    });
}

criterion_group!(benches, rows, query, lz4);
criterion_main!(benches);
