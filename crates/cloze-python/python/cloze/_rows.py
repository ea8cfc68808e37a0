"""What can be classified, as columns of strings.

Nothing is imported here: what a column or table is follows from what it can do, so that pandas, polars, pyarrow, `datasets` and numpy are used
only by those who have them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

Label = Union[str, list[str]]


@dataclass
class Rows:
    """Columns of the same length, as the native side takes them; without names they are the columns that the patterns use, in order."""

    names: Optional[list[str]]
    columns: list[list[Optional[str]]]
    labels: Optional[list[Optional[Label]]] = None

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


@dataclass
class Splits:
    """The examples of a task by what they are for."""

    train: Optional[Rows] = None
    unlabeled: Optional[Rows] = None
    test: Optional[Rows] = None


def rows_of(data: Any, wanted: Optional[Sequence[str]] = None) -> Rows:
    """The rows of a list of texts, a column, or a table; of a table only the columns `wanted`, if it has them all."""
    if isinstance(data, Rows):
        return data
    names = column_names(data)
    if names is not None:
        # A column that is missing is found by the native side, which says what there is.
        chosen = list(wanted) if wanted is not None and all(name in names for name in wanted) else names
        columns = [_cells(values(data[name]), name) for name in chosen]
        _same_length(chosen, columns)
        return Rows([str(name) for name in chosen], columns)
    items = values(data)
    if any(isinstance(item, Mapping) for item in items):
        return _rows_of_mappings(items, wanted)
    if any(isinstance(item, (list, tuple)) for item in items):
        return _rows_of_lists(items)
    return Rows(None, [[_text(item, row) for row, item in enumerate(items, 1)]])


def column_names(data: Any) -> Optional[list[Any]]:
    """The names of a table's columns; None of what is no table."""
    # `column_names`: pyarrow and datasets; `columns`: pandas and polars, whose columns have none.
    names = getattr(data, "column_names", None)
    if isinstance(names, Mapping):
        raise TypeError("several tables were given; give one of them: `data[\"train\"]`")
    if isinstance(data, Mapping):
        return list(data)
    if names is None and not hasattr(data, "to_pylist"):
        names = getattr(data, "columns", None)
    if names is None or callable(names) or isinstance(names, str):
        return None
    names = list(names)
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"the table has several columns `{twice.pop()}`; rename all but one")
    return names


def values(column: Any) -> list[Any]:
    """The values of a column or any iterable as a list of Python objects."""
    if isinstance(column, (str, bytes)):
        raise TypeError("one text was given where several are expected; write it as a list: `[text]`")
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            found = getattr(column, method)()
            # A numpy array of no dimension gives its value.
            return found if isinstance(found, list) else [found]
    if not isinstance(column, Iterable):
        raise TypeError(f"texts are expected, as a list, a column or a table, not `{type(column).__name__}`")
    return list(column)


def labels_of(column: Any) -> list[Optional[Label]]:
    """Labels as text; None where there is none. A list of labels is one of several for an example."""
    return [_label(value, row) for row, value in enumerate(values(column), 1)]


def with_labels(rows: Rows, labels: Any) -> Rows:
    """The same rows with these labels."""
    found = labels_of(labels)
    if len(found) != len(rows):
        raise ValueError(f"there are {len(rows)} examples and {len(found)} labels; give one label for each, None where there is none")
    return Rows(rows.names, rows.columns, found)


def split_of(data: Any, label: str) -> Optional[Rows]:
    """Examples with their labels: texts and labels as a pair, or a table with a column of labels."""
    if data is None or isinstance(data, Rows):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return with_labels(rows_of(data[0]), data[1])
    rows = rows_of(data)
    if rows.names is None:
        raise TypeError(
            f"labelled examples are a pair `(texts, labels)`, or a table with a column `{label}`; these have no labels"
        )
    if label not in rows.names:
        raise ValueError(
            f"the labelled examples have no column `{label}`; the columns are {', '.join(f'`{name}`' for name in rows.names)}"
        )
    at = rows.names.index(label)
    names = rows.names[:at] + rows.names[at + 1 :]
    return Rows(names, rows.columns[:at] + rows.columns[at + 1 :], list(rows.columns[at]))


def is_missing(value: Any) -> bool:
    """Whether a value says that there is none: None, NaN, and what pandas has for them."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def plain(value: Any) -> Any:
    """A value of numpy as one of Python."""
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def free_name(name: str, taken: Sequence[str]) -> str:
    """The name, with a number if it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _label(value: Any, row: int) -> Optional[Label]:
    value = plain(value)
    if is_missing(value):
        return None
    if isinstance(value, (list, tuple, set, frozenset)):
        parts = [_label(part, row) for part in (sorted(value, key=str) if isinstance(value, (set, frozenset)) else value)]
        if not all(isinstance(part, str) for part in parts):
            raise TypeError(f"row {row}: the labels of an example are texts or numbers, not {value!r}")
        return [part for part in parts if isinstance(part, str)]
    if isinstance(value, (str, int, float)):
        return _encodable(str(value), f"row {row}, label")
    raise TypeError(f"row {row}: a label is a text or number, or a list of them, not `{type(value).__name__}`")


def _encodable(text: str, place: str) -> str:
    """The text, unless it has half a character, which no file could hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{place}: the text has a lone surrogate, which is no character; decode it anew, or drop it with `text.encode(errors='ignore').decode()`"
        ) from None
    return text


def _text(value: Any, row: int) -> Optional[str]:
    if isinstance(value, str):
        return _encodable(value, f"row {row}")
    if is_missing(value):
        return None
    raise TypeError(f"row {row}: a text is expected, not `{type(value).__name__}`")


def _cells(column: list[Any], name: Any) -> list[Optional[str]]:
    return [_cell(value, row, name) for row, value in enumerate(column, 1)]


def _cell(value: Any, row: int, name: Any) -> Optional[str]:
    """A value of a table as a file of rows would have it."""
    if isinstance(value, str):
        return _encodable(value, f"row {row}, column `{name}`")
    value = plain(value)
    if is_missing(value):
        return None
    if isinstance(value, bytes):
        raise TypeError(f"row {row}, column `{name}`: these are bytes; decode them to text first")
    if isinstance(value, (list, tuple, dict, bool)):
        try:
            return json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            raise TypeError(f"row {row}, column `{name}`: this has no form as JSON: `{type(value).__name__}`") from None
    return _encodable(str(value), f"row {row}, column `{name}`")


def _rows_of_mappings(items: list[Any], wanted: Optional[Sequence[str]]) -> Rows:
    names: dict[Any, None] = {}
    for row, item in enumerate(items, 1):
        if not isinstance(item, Mapping):
            raise TypeError(f"row {row}: the rows before have named values, this one is `{type(item).__name__}`")
        names.update(dict.fromkeys(item))
    chosen = list(wanted) if wanted is not None and all(name in names for name in wanted) else list(names)
    columns = [_cells([item.get(name) for item in items], name) for name in chosen]
    return Rows([str(name) for name in chosen], columns)


def _rows_of_lists(items: list[Any]) -> Rows:
    width = None
    for row, item in enumerate(items, 1):
        if not isinstance(item, (list, tuple)):
            raise TypeError(f"row {row}: the other rows have several texts, this one is `{type(item).__name__}`")
        width = len(item) if width is None else width
        if len(item) != width:
            raise ValueError(f"row {row}: {len(item)} texts, but row 1 has {width}; give every row the same number")
    if not width:
        raise ValueError("the rows have no texts; give each a text for every column that the patterns use")
    return Rows(None, [[_text(item[at], row) for row, item in enumerate(items, 1)] for at in range(width)])


def _same_length(names: Sequence[Any], columns: list[list[Optional[str]]]) -> None:
    for name, column in zip(names, columns):
        if len(column) != len(columns[0]):
            raise ValueError(
                f"the column `{name}` has {len(column)} values, and `{names[0]}` has {len(columns[0])}; give each row a value of every column"
            )
