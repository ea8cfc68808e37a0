"""Training in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ._progress import Callback, Listener, Verbose
from ._rows import Splits, rows_of, split_of
from ._run import Run
from ._task import Path, Task, settings


def train(
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
    runs: Path = "runs",
    name: str = "task",
    label: str = "label",
    threads: Optional[int] = None,
    callback: Optional[Callback] = None,
    verbose: Verbose = "auto",
) -> Run:
    """Train a classifier, or go on with training: the run of the same task, examples and model is found again in the folder `runs`.

    `data` is a `Task`, the path of a task file, or labelled examples: texts with `labels`, or a table with a column `label`. For
    examples, patterns and words are found as by `Task.draft`, so that the result is that of `cloze init` and `cloze train` with the
    same rows in files.

    `unlabeled` are more texts of the same kind, hundreds or more if you have them; the committee of patterns labels them for the
    classifier. `test` are labelled examples that only measure. `model` is a Hugging Face directory or the name of a model that
    `cloze fetch` has fetched; by default it is the one in this package, which knows English.

    `callback` gets every event as a dict, whose `event` says what it is: `planned`, `job_started`, `progress`, `measured` and so on.
    An exception that it raises ends the training. `verbose="auto"` shows progress on terminals and in notebooks.

    Ctrl-C keeps what is finished, and the same call goes on from there.
    """
    if isinstance(data, (Task, str, os.PathLike)):
        given = {"labels": labels, "descriptions": descriptions, "text_columns": text_columns, "missing": missing}
        for what, value in given.items():
            if value is not None:
                raise TypeError(f"`{what}` is for examples; a task says it itself")
        task = data if isinstance(data, Task) else Task.load(data, preset=preset)
        if preset is not None and isinstance(data, Task):
            raise TypeError("`preset` is for examples and task files; give it to the `Task`")
        more = Splits(None, None if unlabeled is None else rows_of(unlabeled), split_of(test, label))
        task = Task._of(task._native.with_changes(more, settings(options)))
    else:
        task = Task.draft(
            data,
            labels,
            unlabeled=unlabeled,
            test=test,
            descriptions=descriptions,
            text_columns=text_columns,
            missing=missing,
            options=options,
            preset=preset,
            model=model,
            name=name,
            label=label,
            threads=threads,
            callback=callback,
        )
    told = Listener(callback, verbose)
    try:
        path = task._native.train(None if model is None else os.fspath(model), os.fspath(runs), threads, told)
    finally:
        told.close()
    return Run(path, threads=threads)
