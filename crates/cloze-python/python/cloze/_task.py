"""What is asked, in which words, and what there is to learn from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

from . import _cloze
from ._progress import Callback, Listener
from ._rows import Rows, Splits, free_name, rows_of, split_of, with_labels

Path = Union[str, "os.PathLike[str]"]


class Task:
    """A task: patterns, labels with their words, examples and options. It does not change.

    Each pattern is a sentence around an example: `{mask}` is the word that the model fills in, and every other name in braces a column
    (`{text}` if examples are texts). Words are what a label may be called there; of labels without words (`None`, or a description as
    text in `descriptions`), the model finds some.

    Where an example may have several labels, `topics` names each with what patterns say for `{topic}`, and `labels` are the two answers,
    yes first (the words yes and no unless given). Where every example has a list of answers of its own to choose from, `choices`
    is the column that holds it, its texts are tried in the mask, and there are no labels.

    `train` and `test` are a pair `(texts, labels)`, or a table with a column of labels, whose name is `label`. `unlabeled` are texts or
    a table. `options` are those of the task file, `{"steps": 100, "distil.steps": 200}`.

    >>> task = cloze.Task(
    ...     patterns=["It was {mask}. {text}", "{text} All in all, {mask}."],
    ...     labels={"good": ["great", "good"], "bad": "terrible"},
    ...     train=(["the best meal in years", "an hour until the bill came"], ["good", "bad"]),
    ... )
    >>> task.labels
    {'good': ['great', 'good'], 'bad': ['terrible']}

    `Task.load("task.toml")` reads a task file, `Task.draft(texts, labels)` finds patterns and words.
    """

    _native: _cloze.Task

    def __init__(
        self,
        patterns: Sequence[str],
        labels: Union[Mapping[str, Union[str, Sequence[str], None]], Iterable[str], None] = None,
        *,
        topics: Optional[Mapping[str, str]] = None,
        choices: Optional[str] = None,
        train: Any = None,
        unlabeled: Any = None,
        test: Any = None,
        options: Optional[Mapping[str, Any]] = None,
        descriptions: Optional[Mapping[str, str]] = None,
        preset: Optional[str] = None,
        name: str = "task",
        label: str = "label",
    ) -> None:
        if isinstance(patterns, str):
            raise TypeError("patterns are a list of texts; write a single one as `[pattern]`")
        if isinstance(labels, str):
            raise TypeError("labels are a mapping from each label to its words, or a list of labels")
        if labels is None and topics is None and choices is None:
            raise TypeError("a task needs `labels`, `topics` or `choices`")
        labelled = split_of(train, label)
        native = _cloze.Task.build(
            name,
            list(patterns),
            _Answers(labels or (), descriptions, topics, choices),
            # A column of texts may be called like that of the labels, which are beside it.
            label if labelled is None else free_name(label, labelled.names or []),
            preset,
            Splits(labelled, None if unlabeled is None else rows_of(unlabeled), split_of(test, label)),
        )
        self._native = native.with_changes(Splits(), settings(options))

    @classmethod
    def _of(cls, native: _cloze.Task) -> Task:
        task = cls.__new__(cls)
        task._native = native
        return task

    @classmethod
    def load(cls, path: Path, *, preset: Optional[str] = None, options: Optional[Mapping[str, Any]] = None) -> Task:
        """Read a task file, whose files of rows are found as by the command."""
        return cls._of(_cloze.Task.open(os.fspath(path), preset).with_changes(Splits(), settings(options)))

    @classmethod
    def draft(
        cls,
        data: Any,
        labels: Any = None,
        *,
        unlabeled: Any = None,
        test: Any = None,
        descriptions: Optional[Mapping[str, str]] = None,
        text_columns: Optional[Sequence[str]] = None,
        missing: Optional[Sequence[str]] = None,
        options: Optional[Mapping[str, Any]] = None,
        preset: Optional[str] = None,
        model: Optional[Path] = None,
        name: str = "task",
        label: str = "label",
        threads: Optional[int] = None,
        callback: Optional[Callback] = None,
    ) -> Task:
        """Find patterns and words for labelled examples: what `cloze init` does with the same rows in a file.

        `data` are texts with `labels`, or a table with a column of labels; None is a label that is missing, and so are the values
        `missing` (if none are given, the usual ones, such as "n/a"). Examples without a label are used as unlabelled ones if there are
        no others. `descriptions` say in words what labels mean, `text_columns` which columns are text.
        """
        rows = examples(data, labels, label)
        wishes = _Wishes(name, free_name(label, rows.names or []), missing, text_columns, descriptions)
        native = _cloze.Task.draft(
            wishes,
            Splits(rows, None if unlabeled is None else rows_of(unlabeled), split_of(test, label)),
            preset,
            None if model is None else os.fspath(model),
            threads,
            Listener(callback, verbose=False),
        )
        return cls._of(native.with_changes(Splits(), settings(options)))

    @property
    def name(self) -> str:
        """What its runs are called."""
        return self._native.name

    @property
    def patterns(self) -> list[str]:
        """Its patterns."""
        return self._native.patterns

    @property
    def labels(self) -> dict[str, list[str]]:
        """Its labels with their words."""
        return dict(self._native.labels)

    @property
    def inputs(self) -> list[str]:
        """The columns that an example has to have."""
        return self._native.inputs

    def check(self, *, model: Optional[Path] = None, threads: Optional[int] = None) -> dict[str, Any]:
        """Look at the task before training: how rows look in the patterns, what the model knows of the words, what training would cost,
        and what is probably not meant (`warnings`). It is what `cloze check --json` writes."""
        report: dict[str, Any] = json.loads(self._native.check(None if model is None else os.fspath(model), threads))
        return report

    def to_toml(self) -> str:
        """The text of a task file that says the same, but for examples from memory."""
        return self._native.to_toml()

    def __repr__(self) -> str:
        return f"Task(patterns={self.patterns!r}, labels={self.labels!r})"


def examples(data: Any, labels: Any, label: str) -> Rows:
    """Labelled examples: texts with their labels, or a table with a column of them."""
    rows = split_of(data, label) if labels is None else with_labels(rows_of(data), labels)
    if rows is None:
        raise TypeError("there are no examples; give texts and labels, or a table with a column of labels")
    return rows


def settings(options: Optional[Mapping[str, Any]]) -> list[str]:
    """Options as the command takes them: `steps=100`."""
    return [f"{key}={_setting(value)}" for key, value in (options or {}).items()]


def _setting(value: Any) -> str:
    # Texts and lists of numbers are the same in JSON and in a task file, and so are true and false.
    return value if isinstance(value, str) else json.dumps(list(value) if isinstance(value, (tuple, range)) else value)


def words_of(words: Union[str, Sequence[str], None]) -> list[str]:
    """The words of a label as a list, which is empty if they are to be found."""
    if words is None:
        return []
    return [words] if isinstance(words, str) else list(words)


class _Answers:
    """What may be answered."""

    def __init__(
        self,
        labels: Union[Mapping[str, Union[str, Sequence[str], None]], Iterable[str]],
        descriptions: Optional[Mapping[str, str]],
        topics: Optional[Mapping[str, str]],
        choices: Optional[str],
    ) -> None:
        words = labels.items() if isinstance(labels, Mapping) else ((each, None) for each in labels)
        self.labels = [(str(each), words_of(of)) for each, of in words]
        self.descriptions = [(str(each), text) for each, text in (descriptions or {}).items()]
        self.topics = [(str(each), text) for each, text in (topics or {}).items()]
        self.choices = choices


class _Wishes:
    """What a draft is asked for."""

    def __init__(
        self,
        name: str,
        label: str,
        missing: Optional[Sequence[str]],
        text: Optional[Sequence[str]],
        descriptions: Optional[Mapping[str, str]],
    ) -> None:
        self.name = name
        self.label = label
        self.missing = None if missing is None else list(missing)
        self.text = list(text or ())
        self.descriptions = [(str(label), text) for label, text in (descriptions or {}).items()]
