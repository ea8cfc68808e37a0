"""An estimator of scikit-learn.

>>> from cloze.sklearn import PetClassifier
>>> texts = ["the best meal in years", "lovely place", "an hour until the bill came", "overpriced and noisy"]
>>> classifier = PetClassifier(model=model, preset="quick", verbose=False).fit(texts, [1, 1, 0, 0], unlabeled=["the soup was cold", "a joy"])
>>> classifier.predict(["the soup was cold"])[0] in (0, 1)
True
>>> classifier.predict_proba(["the soup was cold"]).shape
(1, 2)
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Optional, Union

import numpy
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state

from ._progress import Callback, Verbose
from ._rows import Rows, Splits, column_names, is_missing, plain, rows_of, values
from ._run import Run, Using
from ._task import Path, Task, words_of
from ._train import train

__all__ = ["PetClassifier"]


class PetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Pattern-exploiting training as a classifier of texts.

    X is a list or column of texts, or a table with columns of text (a DataFrame, a list of dicts), of which `text_columns` are read. y are
    labels of any kind that can be told apart as text: strings, integers, booleans. With `unlabeled` texts in `fit` one small classifier
    is distilled from the committee; without any the committee itself predicts, which is slower.

    Parameters
    ----------
    patterns : list of str, optional
        Sentences with `{mask}` and the columns of X in braces (`{text}` for texts). By default they are found, and words with them.
    verbalizer : dict from labels to words, optional
        What each label may be called at the mask. By default words are found.
    method : {"pet", "ipet", "supervised"}
        How to train.
    model : path or name, optional
        A Hugging Face directory, or a model that `cloze fetch` has fetched; by default the one in this package.
    preset : {"laptop", "quick", "thorough", "paper"}, optional
        The defaults of all other options.
    seeds : sequence of int
        A member of the committee is trained for each pattern and seed.
    text_columns : list of str, optional
        The columns of X with text; by default those that read like it.
    runs_dir : path, optional
        Where runs are kept, so that `fit` goes on with one that was interrupted; by default a temporary folder that goes with the classifier.
    n_jobs : int, optional
        Threads; None and -1 are one per core.
    random_state : int, RandomState or None
        Is added to the seeds; None draws a number.
    callback : callable, optional
        Gets every event of the training as a dict.
    verbose : bool or "auto"
        Whether progress is shown; "auto" is on terminals and in notebooks.

    Attributes
    ----------
    classes_ : array of the labels, sorted
    run_dir_ : path of the run
    run_ : the `Run`, which reports and measures
    """

    def __init__(
        self,
        patterns: Optional[Sequence[str]] = None,
        verbalizer: Optional[Mapping[Any, Union[str, Sequence[str]]]] = None,
        *,
        method: str = "pet",
        model: Optional[Path] = None,
        preset: Optional[str] = None,
        seeds: Sequence[int] = (0,),
        text_columns: Optional[Sequence[str]] = None,
        runs_dir: Optional[Path] = None,
        n_jobs: Optional[int] = None,
        random_state: Any = 0,
        callback: Optional[Callback] = None,
        verbose: Verbose = "auto",
    ) -> None:
        self.patterns = patterns
        self.verbalizer = verbalizer
        self.method = method
        self.model = model
        self.preset = preset
        self.seeds = seeds
        self.text_columns = text_columns
        self.runs_dir = runs_dir
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.callback = callback
        self.verbose = verbose

    def fit(self, X: Any, y: Any, unlabeled: Any = None) -> PetClassifier:
        """Train on texts with their labels, and on unlabelled texts of the same kind."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        labels = _labels(y)
        names = _names(labels)
        rows = self._rows(X)
        if len(rows) != len(labels):
            raise ValueError(f"X has {len(rows)} examples and y has {len(labels)} labels; give one label for each")
        if len(names) < 2:
            raise ValueError(f"y has {len(names)} class, and a classifier needs two or more classes to tell apart")
        task = self._task(rows, [names[label] for label in labels], names, None if unlabeled is None else self._rows(unlabeled))
        folder = None
        if self.runs_dir is None:
            folder = tempfile.TemporaryDirectory(prefix="cloze-")
        self.run_ = train(
            task,
            model=self.model,
            runs=folder.name if folder is not None else os.fspath(self.runs_dir),  # type: ignore[arg-type]
            threads=self._threads(),
            callback=self.callback,
            verbose=self.verbose,
        )
        # The folder goes when nothing uses the run any more.
        self.run_._folder = folder
        self.run_dir_ = str(self.run_.path)
        self.classes_ = _array(names)
        self._names = list(names.values())
        return self

    def predict(self, X: Any) -> Any:
        """The label of each text."""
        self._check_fitted()
        by_name = dict(zip(self._names, range(len(self._names))))
        predicted = self.run_.predict(self._rows(X))
        return self.classes_[[by_name[name] for name in predicted]]

    def predict_proba(self, X: Any) -> Any:
        """An array of the probability of every class for each text, in the order of `classes_`."""
        return self._probabilities(X, None)

    def committee_proba(self, X: Any) -> Any:
        """The same by the committee of all patterns and seeds together, which is a little more accurate than the classifier and much
        slower. A classifier that was loaded or unpickled has it only if it predicts with it."""
        return self._probabilities(X, "ensemble")

    def save(self, path: Path) -> None:
        """Write the classifier with its model to a new file, which needs no other."""
        self._check_fitted()
        with open(path, "xb") as file:
            pickle.dump(self, file)

    @classmethod
    def load(cls, path: Path) -> PetClassifier:
        """Read a classifier that `save` has written. As any pickle it can do what it wants when it is read: load your own only."""
        with open(path, "rb") as file:
            found = pickle.load(file)
        if not isinstance(found, cls):
            raise TypeError(f"`{os.fspath(path)}` is a file of `{type(found).__name__}`, not of `{cls.__name__}`")
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "run_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.non_deterministic = self.random_state is None
        return tags

    def _probabilities(self, X: Any, using: Using) -> Any:
        self._check_fitted()
        found = self.run_.predict_proba(self._rows(X), using=using)
        chances = [[chance[name] for name in self._names] for chance in found]
        return numpy.array(chances, dtype=float).reshape(len(chances), len(self._names))

    def _task(self, rows: Rows, names: list[str], classes: Mapping[Any, str], unlabeled: Optional[Rows]) -> Task:
        # As lists of one label, since a separator of labels may be part of a name.
        labelled = Rows(rows.names, rows.columns, [[name] for name in names])
        options = {"method": self.method, "seeds": self._seeds()}
        words = None if self.verbalizer is None else _verbalizer(self.verbalizer, classes)
        if self.patterns is not None:
            return Task(
                self.patterns,
                dict.fromkeys(classes.values()) if words is None else words,
                train=labelled,
                unlabeled=unlabeled,
                options=options,
                preset=self.preset,
            )
        drafted = Task.draft(
            labelled,
            unlabeled=unlabeled,
            text_columns=self.text_columns,
            missing=(),
            options=options,
            preset=self.preset,
            model=self.model,
            threads=self._threads(),
        )
        if words is None:
            return drafted
        native = drafted._native.with_words([(name, words_of(of)) for name, of in words.items()])
        return Task._of(native.with_changes(Splits(labelled, unlabeled), []))

    def _rows(self, X: Any) -> Rows:
        if isinstance(X, Rows):
            return X
        if getattr(X, "ndim", 1) == 2 and column_names(X) is None:
            # Transformers of scikit-learn hand on a column as an array of two dimensions.
            X = values(X)
            X = [row[0] for row in X] if all(len(row) == 1 for row in X) else X
        return rows_of(X, self.text_columns)

    def _seeds(self) -> list[int]:
        state = self.random_state
        first = int(state) if isinstance(state, Integral) else int(check_random_state(state).randint(2**31))
        return [first + int(seed) for seed in self.seeds]

    def _threads(self) -> Optional[int]:
        if self.n_jobs is None or self.n_jobs == -1:
            return None
        if self.n_jobs < 1:
            raise ValueError(f"`n_jobs` is {self.n_jobs}, and can be None, -1 or a number of threads")
        return int(self.n_jobs)

    def _check_fitted(self) -> None:
        if not hasattr(self, "run_"):
            raise NotFittedError("this PetClassifier is not fitted yet; call `fit` with labelled texts before it predicts")


def _labels(y: Any) -> list[Any]:
    labels = [plain(label) for label in values(y)]
    for row, label in enumerate(labels, 1):
        if isinstance(label, (list, tuple)) and len(label) == 1:
            label = labels[row - 1] = label[0]
        if is_missing(label):
            raise ValueError(f"row {row} of y has no label; give texts without labels as `unlabeled`")
        try:
            hash(label)
        except TypeError:
            raise ValueError(f"row {row} of y is no label but `{type(label).__name__}`; give one label for each example") from None
    return labels


def _names(labels: Sequence[Any]) -> dict[Any, str]:
    """The classes in order with their names as text."""
    distinct = list(dict.fromkeys(labels))
    try:
        distinct.sort()
    except TypeError:
        distinct.sort(key=lambda label: (type(label).__name__, str(label)))
    named: dict[str, Any] = {}
    for label in distinct:
        name = str(label).strip()
        if name in named:
            raise ValueError(f"the labels {named[name]!r} and {label!r} of y are both `{name}` as text; rename one of them")
        named[name] = label
    return {label: name for name, label in named.items()}


def _array(classes: Mapping[Any, str]) -> Any:
    """The classes as an array whose type is theirs; of objects where numpy would turn one into another."""
    found = list(classes)
    if len({type(label) for label in found}) == 1 and isinstance(found[0], (str, bool, int, float)):
        return numpy.array(found)
    array = numpy.empty(len(found), dtype=object)
    array[:] = found
    return array


def _verbalizer(verbalizer: Mapping[Any, Union[str, Sequence[str]]], classes: Mapping[Any, str]) -> dict[str, Union[str, Sequence[str]]]:
    words = {str(label).strip(): of for label, of in verbalizer.items()}
    lacking = [name for name in classes.values() if name not in words]
    if lacking:
        raise ValueError(f"the verbalizer has no words for the label `{lacking[0]}`")
    return {name: words[name] for name in classes.values()}
