#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| cqlwire::fuzzing::arrow(data));
