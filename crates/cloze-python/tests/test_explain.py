"""What the model used: contributions of words, and how they are shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cloze
import pandas
import pytest
from conftest import MODEL, MORE, SMALL, TEXTS

COMMAND = Path(sys.executable).with_name("cloze")


def test_a_contribution_is_what_the_text_without_the_word_lacks(run: cloze.Run) -> None:
    text = "schön, 🙂 the best meal"
    found = run.explain(text)
    assert found.words == ["schön", ",", "🙂", "the", "best", "meal"]
    assert [text[start:end] for start, end in found.spans] == found.words
    assert found.label == run.predict([text])[0] and found.method == "leave-one-out"
    assert found.probability == pytest.approx(run.predict_proba([text])[0][found.label], abs=1e-6)
    without = run.predict_proba(["schön, 🙂 the meal"])[0][found.label]
    assert found.contributions[4] == pytest.approx(found.probability - without, abs=2e-6)
    assert found.texts == {"text": text} and set(found.columns) == {"text"}
    assert (found.baseline, found.gap, found.cut) == (None, None, 0)
    assert sorted(map(abs, found.contributions), reverse=True) == [abs(value) for _, value in found.strongest()]
    assert len(found.strongest(2)) == 2


def test_gradients_add_up(run: cloze.Run) -> None:
    found = run.explain(TEXTS[0], method="gradients", steps=64)
    assert found.baseline is not None and found.gap is not None
    assert sum(found.contributions) == pytest.approx(found.probability - found.baseline + found.gap, abs=1e-5)
    assert abs(found.gap) < 1e-3


def test_a_table_has_a_list(run: cloze.Run) -> None:
    all_at_once = run.explain(pandas.DataFrame({"text": TEXTS}))
    assert all_at_once == run.explain(TEXTS) == [run.explain(text) for text in TEXTS]
    assert run.explain([]) == []


def test_several_labels_have_several_explanations(tmp_path: Path) -> None:
    labels = [["good"], ["bad"], ["good", "bad"], []]
    run = cloze.train(TEXTS, labels, unlabeled=MORE, model=MODEL, options=SMALL, runs=tmp_path, verbose=False)
    explained = run.explain(TEXTS)
    assert [[one.label for one in explanations] for explanations in explained] == run.predict(TEXTS)
    assert run.explain(TEXTS[0]) == explained[0]


def test_it_is_what_the_command_writes(run: cloze.Run, tmp_path: Path) -> None:
    pandas.DataFrame({"text": TEXTS}).to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "explained.jsonl"
    subprocess.run([COMMAND, "predict", run.path, tmp_path / "new.csv", "--explain", "-o", out], check=True, capture_output=True)
    # pandas reads numbers of JSON only nearly as they are.
    rows = [json.loads(line)["explanation"] for line in out.read_text().splitlines()]
    for found, theirs in zip(run.explain(TEXTS), rows):
        assert found.contributions == [word["contribution"] for word in theirs["words"]]
    table = tmp_path / "explained.csv"
    subprocess.run([COMMAND, "predict", run.path, tmp_path / "new.csv", "--explain", "-o", table], check=True, capture_output=True)
    for found, line in zip(run.explain(TEXTS), pandas.read_csv(table)["explanation"]):
        words = [part.rsplit(":", 1) for part in line.split()]
        assert [word for word, _ in words] == [word for word, _ in found.strongest()]


def test_a_notebook_shows_text_as_text() -> None:
    text = "<script>alert(1)</script> & \"good\""
    found = cloze.Explanation(
        label="<b>up</b>",
        method="leave-one-out",
        probability=0.75,
        words=["script", "&", "good"],
        contributions=[0.5, -0.25, 0.001],
        spans=[(1, 7), (26, 27), (29, 33)],
        columns=["text"] * 3,
        texts={"text": text},
        cut=0,
    )
    page = found._repr_html_()
    assert "<script" not in page and "<b>up" not in page
    assert page.count("<span") == 2 and "&lt;<span" in page and "&quot;good&quot;" in page
    assert 'title="+0.500">script</span>' in page and 'title="-0.250">&amp;</span>' in page
    assert repr(found) == "<Explanation of '<b>up</b>' (0.750): script +0.500, & -0.250, good +0.001>"


def test_what_cannot_be_explained_is_refused(run: cloze.Run) -> None:
    with pytest.raises(ValueError, match="no method is called `why`"):
        run.explain("a day", method="why")
    with pytest.raises(ValueError, match="`steps` is for integrated gradients"):
        run.explain("a day", steps=3)
    assert run.explain("a day", steps=3, method="gradients").gap is not None
    with pytest.raises(ValueError, match="final classifier, and the ensemble predicts"):
        run.explain("a day", method="gradients", using="ensemble")
    assert run.explain("a day", using="ensemble").gap is None
    with pytest.raises(ValueError, match="at least 1 step"):
        run.explain("a day", method="gradients", steps=0)
    with pytest.raises(TypeError):
        run.explain(3)
