"""Small models and runs, so that the tests take seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

import cloze
import pytest

ROOT = Path(__file__).parents[3]
MODEL = ROOT / "fixtures/encoder/bert"
RUN = ROOT / "fixtures/runs/be76878/moods-7961bc81"

TEXTS = ["the best meal in years", "an hour until the bill came", "good film I say", "bad film I say"]
LABELS = ["good", "bad", "good", "bad"]
MORE = ["lovely place", "overpriced and noisy", "I would come back", "the soup was cold", "never again"]
SMALL = {"steps": 4, "distil.steps": 4}



def train(folder: Path, **more: object) -> cloze.Run:
    """A run of a few updates."""
    given = {"unlabeled": MORE, "model": MODEL, "options": SMALL, "runs": folder, **more}
    return cloze.train(TEXTS, LABELS, **given)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> cloze.Run:
    """A run with a classifier and two members."""
    return train(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The directory of a run that an earlier version has made."""
    return Path(shutil.copytree(RUN, tmp_path / "moods-7961bc81"))
