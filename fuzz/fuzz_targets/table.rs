//! Tables as text, plain or packed: whatever the bytes, a table or a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tautnet_tables::{Encoder, ReadOptions, Table, UnknownLevels};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = Table::from_reader("table", bytes, &ReadOptions::default())
        && let Ok(encoder) = Encoder::fit(&table, None, &[])
    {
        let x = encoder.encode(&table, UnknownLevels::Refuse).expect("its own table fits an encoder");
        assert_eq!((x.nrows(), x.ncols()), (table.rows(), encoder.width()));
    }
});
