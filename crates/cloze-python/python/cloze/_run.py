"""Finished runs: predicting, measuring, reporting."""

from __future__ import annotations

import html
import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any, Optional, Union

from . import _cloze
from ._explanation import explanations_of
from ._progress import outside
from ._rows import Rows, free_name, rows_of
from ._task import examples

Using = Union[str, tuple[int, int], None]
"""Which models of a run answer: "final", "ensemble", or a pattern's number and a seed; None is the classifier, or the ensemble if there is none."""


_CALIBRATION = "temperature.json"


class Report:
    """The page `report.html` of a run; a notebook shows it."""

    def __init__(self, page: str) -> None:
        self.html = page

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Write the page to a new file."""
        with open(path, "x", encoding="utf-8") as file:
            file.write(self.html)

    def __str__(self) -> str:
        return self.html

    def _repr_html_(self) -> str:
        # A frame, so that neither page's styles reach the other.
        return f'<iframe srcdoc="{html.escape(self.html)}" style="width: 100%; height: 40em; border: 0"></iframe>'


class Run:
    """A finished run in a directory.

    >>> run = cloze.Run.load(finished)
    >>> run.labels
    ['up', 'down']
    >>> run.predict(["what a day"])[0] in run.labels
    True
    >>> probabilities = run.predict_proba(["what a day"])[0]
    >>> list(probabilities), round(sum(probabilities.values()), 6)
    (['up', 'down'], 1.0)
    >>> run.disagreement(["what a day"])[0] in (0.0, 0.5)
    True
    >>> checked = [f"what a day, number {number}" for number in range(60)]
    >>> labels = run.predict(checked)  # better: what people say of them
    >>> run.calibrate(checked, labels)["rows"]
    60
    >>> run.predict(["what a day"], precision=0.9)[0] in [*run.labels, None]
    True

    A run can be pickled. Its pickle has what predicts, its results and its record, and needs no file where it is read again. The record names
    the model as you have named it and, for a task from a file, this file and the folder of its data; of examples from memory no folder is named.
    """

    path: Path
    """Its directory."""
    results: dict[str, Any]
    """Its results, as in `results.json`."""

    def __init__(self, path: Union[str, "os.PathLike[str]"], *, threads: Optional[int] = None) -> None:
        self.path = Path(path)
        self.results = json.loads(_cloze.results(self.path))
        self._threads = threads
        self._predictors: dict[tuple[Using, Optional[float]], _cloze.Predictor] = {}
        self._folder: Optional[tempfile.TemporaryDirectory[str]] = None

    @classmethod
    def load(cls, path: Union[str, "os.PathLike[str]"], *, threads: Optional[int] = None) -> Run:
        """Open the run in a directory, on so many threads, or one per core."""
        return cls(path, threads=threads)

    @property
    def labels(self) -> list[str]:
        """The labels that are predicted, in the order of the task; none if examples have choices of their own."""
        topics = self.results.get("topics")
        names: list[str] = [topic["name"] for topic in topics] if topics else self.results["labels"]
        return list(names)

    @property
    def answered_by(self) -> str:
        """What predicts unless `using` says otherwise: "final", the classifier, or "ensemble", all members together."""
        return self._predictor(None).answers()[0]

    def predict(self, data: Any, *, using: Using = None, precision: Optional[float] = None) -> list[Any]:
        """The label of each text, or row of a table with the columns of the task. Where examples may have several labels, it is a list of
        those that are likelier than not.

        With a precision, for example 0.95, the label is None where it is not confident enough: of the labels that are given, at least this
        share is right, and so it is of each label that had enough rows when the run was calibrated. That holds with 95 % confidence for rows
        like those."""
        answers = self._classify(data, using, precision)
        if self.results.get("topics"):
            return [labels for labels, _ in answers]
        return [labels[0] if labels else None for labels, _ in answers]

    def predict_proba(self, data: Any, *, using: Using = None) -> list[dict[str, float]]:
        """The probability of every label for each text or row, by its name; calibrated if the run is. They add up to 1, except where examples may have several
        labels, or have choices of their own, of which each has its own names. A precision would change nothing here."""
        return [dict(probabilities) for _, probabilities in self._classify(data, using)]

    def predict_arrow(self, batch: Any, *, using: Using = None, precision: Optional[float] = None) -> Any:
        """The same pyarrow `RecordBatch` or `Table` with the columns that `cloze predict` adds: `prediction` (`predictions` where
        examples may have several labels, as lists) and `p_LABEL` for each label (`probability` where they have choices of their own).
        A name that the batch has already gets a number: `prediction_2`. With a precision, `prediction` is null where `predict` gives None;
        probabilities stay."""
        import pyarrow

        several, labels = bool(self.results.get("topics")), self.labels
        answers = self._classify(batch, using, precision)
        text = pyarrow.string()
        if several:
            column = pyarrow.array([names for names, _ in answers], pyarrow.list_(text))
        else:
            column = pyarrow.array([names[0] if names else None for names, _ in answers], text)
        added = [("predictions" if several else "prediction", column)]
        if labels:
            for at, label in enumerate(labels):
                added.append((f"p_{label}", pyarrow.array([chances[at][1] for _, chances in answers], pyarrow.float64())))
        else:
            best = [max((chance for _, chance in chances), default=None) for _, chances in answers]
            added.append(("probability", pyarrow.array(best, pyarrow.float64())))
        for name, column in added:
            batch = batch.append_column(free_name(name, batch.schema.names), column)
        return batch

    def explain(self, data: Any, *, method: str = "leave-one-out", steps: Optional[int] = None, using: Using = None) -> Any:
        """How much each word contributes to the probability of the predicted label: what the model used, not why. A text given as `str` has
        an `Explanation`; a list, column or table has a list of them, one for each text or row. Where examples may have several labels, each
        has a list of explanations instead, one for each label that is predicted.

        `method` is "leave-one-out", which predicts again without each word, or "gradients": integrated gradients in `steps` steps (50 unless you
        say otherwise), for which the classifier must be what predicts."""
        predictor = self._predictor(using)
        rows = self._rows([data] if isinstance(data, str) else data, predictor)
        explained = [explanations_of(texts, found) for texts, found in predictor.explain(rows, method, steps)]
        if not self.results.get("topics"):
            return explained[0][0] if isinstance(data, str) else [explanations[0] for explanations in explained]
        return explained[0] if isinstance(data, str) else explained

    def evaluate(self, data: Any, labels: Any = None, *, using: Using = None) -> dict[str, Any]:
        """Compare predictions with the labels of texts, or of a table with the column of labels that the task has: accuracy and macro F1
        with 95 % intervals, each label's precision and recall, the confusion matrix. It is what `cloze eval --json` writes of them."""
        predictor = self._predictor(using)
        rows = examples(data, labels, "label")
        found: dict[str, Any] = json.loads(predictor.evaluate(rows))
        return found

    def calibrate(self, data: Any, labels: Any = None, *, using: Using = None) -> dict[str, Any]:
        """Fit the probabilities to at least 50 texts or rows with their labels, which the run was not trained on, so that of the answers
        with 90 % about 90 % are right. Labels stay the same. What it gives is in `calibration` from then on."""
        left_out = self._predictor(using).calibrate(examples(data, labels, "label"))
        if left_out:
            warnings.warn(
                f"{left_out} of the rows were left out: the run was trained on the same texts, so that its answers say nothing about new ones",
                stacklevel=outside(),
            )
        self._predictors.clear()
        calibration = self.calibration
        assert calibration is not None, "it was just written"
        return calibration

    def uncalibrate(self) -> None:
        """Remove the calibration of the run, if it has one."""
        _cloze.uncalibrate(self.path)
        self._predictors.clear()

    @property
    def calibration(self) -> Optional[dict[str, Any]]:
        """The calibration of the run, as in `temperature.json`; None if it has none."""
        file = self.path / _CALIBRATION
        if not file.exists():
            return None
        found: dict[str, Any] = json.loads(file.read_bytes())
        # That is about the file.
        found.pop("checksum", None)
        return found

    def disagreement(self, data: Any) -> list[float]:
        """For each text or row the share of the committee's members that do not give its most frequent answer; 0 where all agree. What
        they disagree about is worth labelling next."""
        predictor = self._predictor(None)
        return predictor.disagreement(self._rows(data, predictor))

    def report(self) -> Report:
        """The report of the run, which a notebook shows."""
        return Report(_cloze.report(self.path))

    def _classify(
        self, data: Any, using: Using, precision: Optional[float] = None
    ) -> list[tuple[list[str], list[tuple[str, float]]]]:
        predictor = self._predictor(using, precision)
        return predictor.classify(self._rows(data, predictor))

    def _rows(self, data: Any, predictor: _cloze.Predictor) -> Rows:
        return rows_of(data, predictor.inputs())

    def _predictor(self, using: Using, precision: Optional[float] = None) -> _cloze.Predictor:
        wanted = (using, precision)
        if wanted not in self._predictors:
            predictor = _cloze.Predictor(self.path, using, self._threads, precision)
            if predictor.answers()[1]:
                warnings.warn(
                    f"the classifier of `{self.path}` is gone, so the ensemble predicts instead; training the same again makes it anew",
                    stacklevel=outside(),
                )
            self._predictors[wanted] = predictor
        return self._predictors[wanted]

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def __reduce__(self) -> Any:
        return _unpickled, (self._files(), self._threads)

    def _files(self) -> dict[str, bytes]:
        """The files that predict and report, by their paths in the run."""
        kept = ["run.toml", "results.json", "insight.json", "energy.json", _CALIBRATION]
        classifier = self.path / "final"
        # Without a classifier the ensemble predicts, and takes all members.
        logs = ("events", "slurm")
        members = [path for path in self.path.iterdir() if path.is_dir() and path.name not in logs]
        folders = [classifier] if (classifier / "job.json").exists() else members
        files = [self.path / name for name in kept if (self.path / name).exists()]
        files += [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
        return {file.relative_to(self.path).as_posix(): file.read_bytes() for file in files}


def _unpickled(files: dict[str, bytes], threads: Optional[int]) -> Run:
    """A run of these files in a folder of its own, which goes when the run does."""
    folder = tempfile.TemporaryDirectory(prefix="cloze-")
    for name, contents in files.items():
        path = Path(folder.name, name)
        if not path.resolve().is_relative_to(Path(folder.name).resolve()):
            raise ValueError(f"the pickled run has a file outside of it: `{name}`")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    run = Run(folder.name, threads=threads)
    run._folder = folder
    return run
