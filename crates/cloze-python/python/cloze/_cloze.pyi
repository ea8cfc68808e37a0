"""The native side, which the rest of the package gives its form. Not part of the interface."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

from ._rows import Rows, Splits

__all__ = ["DataError", "Predictor", "Task", "__version__", "command", "report", "results", "uncalibrate"]

__version__: str

class DataError(ValueError):
    """Rows that cannot be used: a missing column, an unknown label, a text that is none.

    The place is in `row` (counted from 1) and `column`, what to do in `remedy`.
    """

    row: int | None
    column: str | None
    remedy: str | None

@final
class Task:
    @staticmethod
    def open(path: str | os.PathLike[str], preset: str | None) -> Task: ...
    @staticmethod
    def build(
        name: str,
        patterns: Sequence[str],
        answers: Any,
        label_column: str,
        preset: str | None,
        splits: Splits,
    ) -> Task: ...
    @staticmethod
    def draft(
        wishes: Any,
        splits: Splits,
        preset: str | None,
        model: str | os.PathLike[str] | None,
        threads: int | None,
        listener: Callable[[str], object] | None,
    ) -> Task: ...
    def with_changes(self, splits: Splits, settings: Sequence[str]) -> Task: ...
    def with_words(self, words: Sequence[tuple[str, list[str]]]) -> Task: ...
    def to_toml(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def patterns(self) -> list[str]: ...
    @property
    def labels(self) -> list[tuple[str, list[str]]]: ...
    @property
    def inputs(self) -> list[str]: ...
    def check(self, model: str | os.PathLike[str] | None, threads: int | None) -> str: ...
    def train(
        self,
        model: str | os.PathLike[str] | None,
        runs: str | os.PathLike[str],
        threads: int | None,
        listener: Callable[[str], object] | None,
    ) -> Path: ...

@final
class Predictor:
    def __new__(
        cls,
        dir: str | os.PathLike[str],
        using: str | tuple[int, int] | None,
        threads: int | None,
        precision: float | None = None,
    ) -> Predictor: ...
    def classify(self, rows: Rows) -> list[tuple[list[str], list[tuple[str, float]]]]: ...
    def explain(self, rows: Rows, method: str, steps: int | None) -> list[tuple[list[tuple[str, str]], str]]: ...
    def evaluate(self, rows: Rows) -> str: ...
    def calibrate(self, rows: Rows) -> int: ...
    def disagreement(self, rows: Rows) -> list[float]: ...
    def answers(self) -> tuple[str, bool]: ...
    def inputs(self) -> list[str]: ...

def command(args: Sequence[str]) -> int: ...
def results(dir: str | os.PathLike[str]) -> str: ...
def report(dir: str | os.PathLike[str]) -> str: ...
def uncalibrate(dir: str | os.PathLike[str]) -> bool: ...
