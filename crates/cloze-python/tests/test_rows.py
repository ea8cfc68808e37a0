"""Columns and tables of every kind become the same rows."""

from __future__ import annotations

import datetime
import random
import subprocess
import sys
from typing import Any, Callable

import cloze
import datasets
import numpy
import pandas
import polars
import pyarrow
import pytest
from cloze._rows import Rows, labels_of, rows_of

TEXTS = ["a fine day", "", "schön – 日本 🙂", "it rained"]
COLUMNS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": iter,
    "numpy": lambda texts: numpy.array(texts, dtype=object),
    "numpy strings": numpy.array,
    "pandas": pandas.Series,
    "pandas with other rows' numbers": lambda texts: pandas.Series(texts, index=range(9, 9 - len(texts), -1)),
    "polars": polars.Series,
    "pyarrow": pyarrow.array,
    "pyarrow chunks": lambda texts: pyarrow.chunked_array([texts[:1], texts[1:]]),
    "pyarrow dictionary": lambda texts: pyarrow.array(texts).dictionary_encode(),
    "datasets": lambda texts: datasets.Dataset.from_dict({"text": texts})["text"],
}
TABLES: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "dict": dict,
    "list of dicts": lambda columns: [dict(zip(columns, row)) for row in zip(*columns.values())],
    "pandas": pandas.DataFrame,
    "polars": polars.DataFrame,
    "pyarrow": pyarrow.table,
    "pyarrow batch": lambda columns: pyarrow.RecordBatch.from_pydict(columns),
    "datasets": datasets.Dataset.from_dict,
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_is_a_list_of_texts(kind: str) -> None:
    assert rows_of(COLUMNS[kind](TEXTS)) == Rows(None, [TEXTS])


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_a_list_of_texts_for_each_column(kind: str) -> None:
    table = TABLES[kind]({"text": TEXTS, "count": [1, 2, 3, 4]})
    assert rows_of(table) == Rows(["text", "count"], [TEXTS, ["1", "2", "3", "4"]])
    assert rows_of(table, ["text"]) == Rows(["text"], [TEXTS])


def test_only_libraries_that_were_passed_something_of_are_imported() -> None:
    code = "import sys, cloze; print(*{'pandas', 'numpy', 'pyarrow', 'polars', 'sklearn', 'datasets', 'tqdm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_what_is_missing_is_an_empty_cell() -> None:
    for missing in (None, float("nan"), numpy.nan, pandas.NA, pandas.NaT):
        assert rows_of(["a", missing]) == Rows(None, [["a", None]])
        assert rows_of([{"text": "a"}, {"text": missing}]) == Rows(["text"], [["a", None]])
        assert labels_of(["a", missing]) == ["a", None]


def test_values_of_a_table_are_what_a_file_would_say() -> None:
    values = [3, 2.5, True, ["a", "b"], {"a": 1}, numpy.int64(7), datetime.date(2024, 5, 1)]
    columns = rows_of([{"x": value} for value in values]).columns
    assert columns == [["3", "2.5", "true", '["a", "b"]', '{"a": 1}', "7", "2024-05-01"]]


def test_labels_are_their_names() -> None:
    assert labels_of(["a", 1, True, numpy.int64(2), numpy.str_("b")]) == ["a", "1", "True", "2", "b"]
    assert labels_of([["a", 1], set(), ("b",)]) == [["a", "1"], [], ["b"]]


WRONG: list[tuple[Any, type[Exception], str]] = [
    ("one text", TypeError, r"write it as a list: `\[text\]`"),
    (7, TypeError, "a column or a table, not `int`"),
    (None, TypeError, "a column or a table, not `NoneType`"),
    (["a", 7], TypeError, "row 2: a text is expected, not `int`"),
    (["a", b"b"], TypeError, "row 2: a text is expected, not `bytes`"),
    (["a", "\ud800"], ValueError, "row 2: the text has a lone surrogate"),
    ([["a", "b"], ["c"]], ValueError, "row 2: 1 texts, but row 1 has 2"),
    ([["a", "b"], "c"], TypeError, "row 2: the other rows have several texts, this one is `str`"),
    ([[], []], ValueError, "the rows have no texts"),
    ([{"a": "b"}, "c"], TypeError, "row 2: the rows before have named values, this one is `str`"),
    ({"a": ["b"], "c": []}, ValueError, "the column `c` has 0 values, and `a` has 1"),
    ({"a": [b"b"]}, TypeError, "row 1, column `a`: these are bytes"),
    ({"a": [[object()]]}, TypeError, "row 1, column `a`: this has no form as JSON"),
    (datasets.DatasetDict(train=datasets.Dataset.from_dict({"a": ["b"]})), TypeError, "several tables were given; give one of them"),
    (pandas.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "several columns `a`"),
]


@pytest.mark.parametrize("data, kind, message", WRONG, ids=[message for _, _, message in WRONG])
def test_what_is_no_text_is_named_with_its_row(data: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        rows_of(data)


def test_every_table_predicts_the_same(run: cloze.Run) -> None:
    expected = run.predict_proba(TEXTS)
    for make in COLUMNS.values():
        assert run.predict_proba(make(TEXTS)) == expected
    for make in TABLES.values():
        assert run.predict_proba(make({"other": [1, 2, 3, 4], "text": TEXTS})) == expected
    assert run.predict([]) == run.predict_proba([]) == []


def test_arrow_comes_back_with_what_was_predicted(run: cloze.Run) -> None:
    table = pyarrow.table({"text": TEXTS, "prediction": [1, 2, 3, 4]})
    for batch in (table, table.to_batches()[0], table.slice(0, 0)):
        found = run.predict_arrow(batch)
        assert type(found) is type(batch)
        assert found.schema.names == ["text", "prediction", "prediction_2", "p_good", "p_bad"]
        texts = batch["text"].to_pylist()
        assert found["prediction_2"].to_pylist() == run.predict(texts)
        assert found["p_bad"].to_pylist() == [row["bad"] for row in run.predict_proba(texts)]


def odd(random: random.Random, depth: int = 0) -> Any:
    """Something that may or may not be a column of texts."""
    atoms: list[Callable[[], Any]] = [
        lambda: None,
        lambda: random.choice([True, False, 0, -1, 2**70, 1.5, float("nan"), float("inf"), b"x", object(), 1j]),
        lambda: "".join(chr(random.choice([0, 9, 10, 65, 123, 125, 0x300, 0xD800, 0xFFFF, 0x1F642])) for _ in range(random.randrange(6))),
        lambda: random.choice(["{mask}", "{text}", "a text", '["a"]', '{"a": 1}', "\x00", "label", "text", ""]),
        lambda: numpy.array(random.choice([[], ["a"], [[1, 2]], 3, [None, "b"]]), dtype=object),
    ]
    if depth > 2 or random.random() < 0.4:
        return random.choice(atoms)()
    size = random.randrange(4)
    items = [odd(random, depth + 1) for _ in range(size)]
    shape = random.randrange(6)
    if shape == 0:
        return tuple(items)
    if shape == 1:
        return {str(odd(random, 3)): item for item in items}
    if shape == 2:
        return ["a text"] * size
    if shape == 3:
        return {"text": items, "label": items}
    return items


def test_odd_input_is_answered_or_refused(run: cloze.Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A hundred thousand inputs of any shape: each is an answer, or an error of those that are promised."""
    numbers = random.Random(0)
    predictor = run._predictor(None)
    refused = answered = 0
    for number in range(100_000):
        data = odd(numbers)
        try:
            match number % 5:
                case 0:
                    assert len(run.predict(data)) >= 0
                case 1:
                    predictor.classify(data)
                case 2:
                    cloze.Task([odd(numbers), "{text} {mask}"], odd(numbers), train=data, options={"steps": odd(numbers)})
                case 3:
                    run.evaluate(data, odd(numbers), using=numbers.choice([None, "final"]))
                case _:
                    cloze.Task(["{text} {mask}"], ["a", "b"], unlabeled=data, test=odd(numbers), name=odd(numbers))
            answered += 1
        except (ValueError, TypeError, AttributeError) as error:
            # `AttributeError`: of the native side, which takes what Python made for it.
            assert not isinstance(error, AttributeError) or number % 5 == 1, repr(data)
            refused += 1
    assert answered > 1000 and refused > 1000, (answered, refused)
