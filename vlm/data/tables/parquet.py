"""Tables in parquet."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from vlm.data.tables.rows import Row
from vlm.errors import UserError


def read_table(file: Path) -> pa.Table:
    """Read a whole parquet file.

    Raises:
        UserError: when the file is not parquet.
    """
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(file)
        rows.validate(full=True)  # text that is not UTF-8 would fail later, row by row
        return rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{file} is not a readable parquet file; give another one.") from error


def read(file: Path) -> Iterator[Row]:
    """Yield the rows; a `UserError` as from `read_table`."""
    for number, cells in enumerate(read_table(file).to_pylist()):
        yield Row(number, cells)
