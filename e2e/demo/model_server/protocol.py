"""MLflow's scoring protocol, as far as the demo speaks it: request body in, rows out.

Pure. Accepts `dataframe_split` ({"columns": [...], "data": [[...], ...]}) and `dataframe_records`
([{"column": value, ...}, ...]). Every column of the signature must be there and no other: a column
the model does not know is a label leaking in, or a caller built for another version.
Source: MLflow 3 documentation, "Local inference server specification".
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, cast

from model_server.model import INPUTS, Row

MAX_BODY_BYTES = 4 << 20
MAX_ROWS = 10_000

_COLUMNS = tuple(name for name, _ in INPUTS)
_USAGE = (
    'send {"dataframe_split": {"columns": [...], "data": [[...]]}} '
    'or {"dataframe_records": [{...}]}'
)


class BadRequest(Exception):
    """The caller's mistake. `status` is the HTTP status; the message says what to send instead."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def parse_rows(body: bytes) -> list[Row]:
    """The rows in `body`, values in signature order. Raises BadRequest."""
    match _parse_json(body):
        case {"dataframe_split": {"columns": list(columns), "data": list(data)}, **rest} if (
            not rest
        ):
            return _rows_of_split(columns, data)
        case {"dataframe_records": list(records), **rest} if not rest:
            return _rows_of_records(records)
        case _:
            raise BadRequest(f"body has no known form: {_USAGE}")


def _parse_json(body: bytes) -> Any:
    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"body is not JSON ({error}): {_USAGE}") from error


def _rows_of_split(columns: list[Any], data: list[Any]) -> list[Row]:
    _check_row_count(data)
    _check_columns(columns)
    order = [columns.index(name) for name in _COLUMNS]
    rows = []
    for number, values in enumerate(data):
        if not isinstance(values, list) or len(values) != len(columns):
            raise BadRequest(
                f"row {number} of data must be a list of {len(columns)} values, one per column"
            )
        rows.append(_row(number, (values[i] for i in order)))
    return rows


def _rows_of_records(records: list[Any]) -> list[Row]:
    _check_row_count(records)
    rows = []
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            raise BadRequest(f"record {number} must be an object of columns: {_USAGE}")
        _check_columns(list(record))
        rows.append(_row(number, (record[name] for name in _COLUMNS)))
    return rows


def _check_row_count(rows: Sequence[Any]) -> None:
    if not rows:
        raise BadRequest("no rows: send at least one")
    if len(rows) > MAX_ROWS:
        raise BadRequest(f"{len(rows)} rows: send at most {MAX_ROWS} in one request", status=413)


def _check_columns(columns: list[Any]) -> None:
    if len(columns) == len(_COLUMNS) and all(name in columns for name in _COLUMNS):
        return
    missing = [name for name in _COLUMNS if name not in columns]
    unknown = [str(name) for name in columns if name not in _COLUMNS]
    problems = [
        text
        for text, names in (
            (f"missing columns {missing}", missing),
            (f"unknown columns {unknown}", unknown),
        )
        if names
    ]
    raise BadRequest(
        f"{' and '.join(problems) or 'repeated columns'}: send exactly {list(_COLUMNS)}"
    )


def _row(number: int, values: Iterable[Any]) -> Row:
    return cast(Row, tuple(_number(number, *pair) for pair in zip(INPUTS, values, strict=True)))


def _number(row: int, column: tuple[str, str], value: Any) -> float:
    """`value` as a finite float; a `long` column takes whole numbers only (1 and 1.0, not 1.5)."""
    name, kind = column
    # type() and not isinstance(): True and False are ints to Python, but no numbers to a caller.
    if type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:  # an int beyond 1.8e308
            number = math.inf
        if math.isfinite(number) and (kind != "long" or number.is_integer()):
            return number
    shown = json.dumps(value)[:40]
    raise BadRequest(f'row {row}, column "{name}": {shown} is not a finite {kind}')
