"""Request bodies: what is read, and what the caller is told otherwise."""

import json
from typing import Any

import pytest

from model_server.conftest import CUSTOMER
from model_server.protocol import MAX_ROWS, BadRequest, parse_rows

COLUMNS = ["balance", "income", "student_account"]


def records(*rows: Any) -> bytes:
    return json.dumps({"dataframe_records": rows}).encode()


def split(columns: Any, data: Any) -> bytes:
    return json.dumps({"dataframe_split": {"columns": columns, "data": data}}).encode()


def test_values_come_in_signature_order() -> None:
    assert parse_rows(split(COLUMNS[::-1], [[1, 20.5, 3], [0, 50, 6]])) == [
        (3, 20.5, 1),
        (6, 50, 0),
    ]
    assert parse_rows(records(CUSTOMER)) == [(900.5, 31_000, 0)]


def test_pandas_index_of_a_split_is_ignored() -> None:
    body = {"dataframe_split": {"index": [7], "columns": COLUMNS, "data": [[1, 2, 0]]}}
    assert parse_rows(json.dumps(body).encode()) == [(1, 2, 0)]


@pytest.mark.parametrize("value", [1, 1.0])
def test_a_whole_number_is_a_long_however_it_is_written(value: float) -> None:
    assert parse_rows(records(CUSTOMER | {"student_account": value}))[0][2] == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body is not JSON"),
        (b"\xff", "body is not JSON"),
        (b"[" * 200_000, "body is not JSON"),
        (b"[]", "no known form"),
        (b"{}", "no known form"),
        (b'{"instances": [[1, 2, 0]]}', "no known form"),
        (b'{"dataframe_records": {}}', "no known form"),
        (records(), "no rows"),
        (split(COLUMNS, []), "no rows"),
        (records([1, 2, 0]), "record 0 must be an object"),
        (split(COLUMNS, [[1, 2, 0], [1, 2]]), "row 1 of data must be a list of 3 values"),
        (split(COLUMNS, [7]), "row 0 of data must be a list"),
        (split([*COLUMNS, "label"], [[1, 2, 0, 1]]), r"unknown columns \['label'\]: send exactly"),
        (
            records(CUSTOMER | {"demographic_group": "Yes"}),
            r"unknown columns \['demographic_group'\]",
        ),
        (split(COLUMNS[:2], [[1, 2]]), r"missing columns \['student_account'\]"),
        (records(CUSTOMER, {"balance": 1}), r"missing columns \['income', 'student_account'\]"),
        (split(["balance", "income", "income"], [[1, 2, 3]]), r"missing columns"),
        (split([*COLUMNS, "balance"], [[1, 2, 0, 4]]), "repeated columns"),
        (split([["balance"], "income", "student_account"], [[1, 2, 0]]), "missing columns"),
    ],
)
def test_a_body_of_another_shape_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest, match=message) as caught:
        parse_rows(body)
    assert caught.value.status == 400


@pytest.mark.parametrize("value", ["1", True, None, [1], {}])
def test_a_value_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest, match=r'row 1, column "income": .* is not a finite double'):
        parse_rows(records(CUSTOMER, CUSTOMER | {"income": value}))


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" + "0" * 400])
def test_a_number_beyond_a_double_is_refused(text: str) -> None:
    body = records(CUSTOMER | {"income": 0}).replace(b'"income": 0', f'"income": {text}'.encode())
    with pytest.raises(BadRequest, match="is not a finite double"):
        parse_rows(body)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_json_is_refused(text: str) -> None:
    body = records(CUSTOMER | {"income": 0}).replace(b'"income": 0', f'"income": {text}'.encode())
    with pytest.raises(BadRequest, match=f"{text} is not JSON"):
        parse_rows(body)


def test_a_fraction_is_no_long() -> None:
    with pytest.raises(BadRequest, match=r'column "student_account": 0\.5 is not a finite long'):
        parse_rows(records(CUSTOMER | {"student_account": 0.5}))


def test_rows_are_bounded() -> None:
    assert len(parse_rows(split(COLUMNS, [[1, 2, 0]] * MAX_ROWS))) == MAX_ROWS
    with pytest.raises(BadRequest, match=f"send at most {MAX_ROWS}") as caught:
        parse_rows(split(COLUMNS, [[1, 2, 0]] * (MAX_ROWS + 1)))
    assert caught.value.status == 413
