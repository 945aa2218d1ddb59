"""Archives of films → rows of results, on this machine or on a Ray cluster, kept as Parquet.

`parquet` and `on_ray` are imported by whoever needs them: a single film should not wait for them.
"""

from cxr_core.archive._rows import KEYS, Row, films_here, row_of

__all__ = ["KEYS", "Row", "films_here", "row_of"]
