"""Writes fixtures/calibration.json: temperatures, figures of probabilities and exact bounds as scikit-learn, netcal and SciPy compute them.

    pip install numpy scipy scikit-learn && pip install --no-deps netcal        the versions of scripts/calibration-requirements.txt
    python3 scripts/make-calibration-fixtures.py

netcal imports PyTorch and others for what is not used here, so stand-ins take their place. Scores are multiples of 1/1024, which float32 holds
exactly.
"""

import importlib.abc
import importlib.machinery
import json
import pathlib
import sys
from unittest.mock import MagicMock

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import beta, binomtest
from sklearn.calibration import _TemperatureScaling
from sklearn.metrics import brier_score_loss, log_loss

FILE = pathlib.Path(__file__).parent.parent / "fixtures" / "calibration.json"


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that netcal imports and its calibration error does not use."""

    ROOTS = {"torch", "pyro", "gpytorch", "tikzplotlib", "tensorboard", "matplotlib", "tqdm"}

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in self.ROOTS:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


sys.meta_path.append(StandIns())
from netcal.metrics import ECE  # noqa: E402


def scores(random, rows, labels, scale, signal):
    """Scores whose labels are likelier the higher their score is, but not as much as a softmax at temperature 1 has it."""
    gold = random.integers(labels, size=rows)
    values = random.normal(size=(rows, labels))
    values[np.arange(rows), gold] += signal
    return np.round(values * scale * 1024) / 1024, gold


def figures(values, gold, temperature):
    labels = values.shape[1]
    probabilities = softmax(values / temperature, axis=1)
    bins = min(10, len(gold) // 10)
    confidence = probabilities.max(axis=1)
    is_right = (probabilities.argmax(axis=1) == gold).astype(int)
    assert len(set(confidence)) == len(gold) and len(gold) % bins == 0, "bins are then the same by any definition"
    return {
        "nll": log_loss(gold, probabilities, labels=range(labels)),
        "brier": brier_score_loss(gold, probabilities, labels=range(labels), scale_by_half=False),
        "ece": float(ECE(bins=bins, equal_intervals=False).measure(confidence, is_right)),
    }


def case(random, *shape):
    values, gold = scores(random, *shape)

    def nll(log_inverse):
        return -log_softmax(values * np.exp(log_inverse), axis=1)[np.arange(len(gold)), gold].mean()

    found = minimize_scalar(nll, bounds=(-7, 7), method="bounded", options={"xatol": 1e-13})
    temperature = float(np.exp(-found.x))
    theirs = 1 / _TemperatureScaling().fit(values, gold).beta_
    assert abs(temperature / theirs - 1) < 1e-6, (temperature, theirs)
    return {
        "scores": values.tolist(),
        "gold": gold.tolist(),
        "accuracy": float((values.argmax(axis=1) == gold).mean()),
        "temperature": temperature,
        "before": figures(values, gold, 1),
        "after": figures(values, gold, temperature),
    }


def bounds(right, of):
    both = binomtest(right, of).proportion_ci(method="exact")
    lower = beta.ppf(0.05, right, of - right + 1) if right else 0.0
    return {"right": right, "of": of, "low": both.low, "high": both.high, "lower_bound": float(lower)}


def main():
    random = np.random.default_rng(8)
    shapes = [(60, 2, 4, 1.5), (200, 3, 5, 1), (120, 5, 0.4, 2), (100, 4, 8, 2.5)]
    shares = [(0, 10), (10, 10), (7, 10), (45, 50), (59, 59), (58, 59), (1, 1000), (940, 1000), (9900, 10000)]
    golden = {
        "cases": [case(random, *shape) for shape in shapes],
        "bounds": [bounds(*share) for share in shares],
    }
    text = json.dumps(golden, separators=(",", ":"))
    FILE.write_text(text.replace('{"scores', '\n{"scores').replace('{"right', '\n{"right') + "\n")


if __name__ == "__main__":
    main()
