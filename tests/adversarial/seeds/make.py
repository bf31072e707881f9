"""Writes the Parquet files of this folder anew: `python make.py`, with pyarrow. Every compression and encoding that is read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

table = pa.table(
    {
        "size": pa.array([0.5, -1.25, 3.0, 1e-300, 2.5, 7.0, -0.1, 8.75]),
        "count": pa.array([1, 2, 3, 2**40, 5, 6, 7, 8], pa.int64()),
        "kind": ["red", "green", "blue", "red", "red", "green", "blue", "green"],
        "on": [True, False, True, True, False, False, True, False],
        "y": pa.array([1.5, 2.0, -3.0, 0.25, 5.0, 6.5, 7.0, 8.0], pa.float32()),
    }
)
gaps = pa.table({"a": pa.array([1.0, None, 3.0, None]), "b": ["x", None, "y", "z"], "y": [1, 2, 3, 4]})
here = Path(__file__).parent
for compression in ("none", "snappy", "zstd", "gzip"):
    pq.write_table(table, here / f"{compression}.parquet", compression=compression, row_group_size=5)
pq.write_table(table, here / "plain.parquet", use_dictionary=False, compression="none", data_page_version="2.0")
pq.write_table(gaps, here / "gaps.parquet", compression="none")
