"""Few-shot text classification with cloze questions (pattern-exploiting training), on an ordinary CPU.

>>> import cloze
>>> texts = ["the best meal in years", "an hour until the bill came"]
>>> more = ["lovely place", "overpriced and noisy", "I would come back"]
>>> run = cloze.train(texts, ["good", "bad"], unlabeled=more, model=model, runs=folder, verbose=False)
>>> run.predict(["the soup was cold"])[0] in run.labels
True

`train` does all at once, `Task` says what is asked in your own words, `Run` predicts and reports. `cloze.sklearn` has an estimator.
"""

from ._cloze import DataError, __version__
from ._explanation import Explanation
from ._run import Report, Run
from ._task import Task
from ._train import train

__all__ = ["DataError", "Explanation", "Report", "Run", "Task", "__version__", "train"]
