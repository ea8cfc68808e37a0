"""The estimator: scikit-learn's own checks that need no numbers, and those of classifiers rewritten for texts."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import cloze
import numpy
import pandas
import pytest
import sklearn.utils.estimator_checks as checks
from cloze.sklearn import PetClassifier
from conftest import MODEL, MORE, TEXTS
from joblib import Parallel, delayed
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

MANY = TEXTS * 3
LABELS = ["good", "bad", "good", "bad"] * 3

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def classifier(**more: Any) -> PetClassifier:
    """One of a few updates: supervised, unless something of patterns is looked at."""
    return PetClassifier(**{"model": MODEL, "preset": "quick", "method": "supervised", "n_jobs": 1, **more})


@pytest.fixture(scope="module")
def fitted() -> PetClassifier:
    return classifier(method="pet").fit(TEXTS, ["good", "bad", "good", "bad"], unlabeled=MORE)


WITHOUT_X = [
    "check_estimator_cloneable",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_mixin_order",
]


@pytest.mark.parametrize("name", WITHOUT_X)
def test_checks_of_scikit_learn_that_need_no_numbers(name: str) -> None:
    getattr(checks, name)("PetClassifier", PetClassifier())


def test_it_is_a_classifier_of_texts() -> None:
    tags = PetClassifier().__sklearn_tags__()
    assert is_classifier(PetClassifier()) and tags.estimator_type == "classifier"
    assert tags.input_tags.string and tags.input_tags.one_d_array and tags.target_tags.required


def test_a_clone_has_the_parameters_and_is_not_fitted(fitted: PetClassifier) -> None:
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError, match="not fitted yet; call `fit`"):
        again.predict(TEXTS)
    with pytest.raises(NotFittedError):
        check_is_fitted(again)
    check_is_fitted(fitted)
    assert again.set_params(seeds=(3,)).seeds == (3,)


def test_probabilities_are_in_the_order_of_the_classes(fitted: PetClassifier) -> None:
    assert fitted.classes_.tolist() == ["bad", "good"]
    chances = fitted.predict_proba(MORE)
    assert chances.shape == (len(MORE), 2) and numpy.allclose(chances.sum(axis=1), 1)
    assert (fitted.classes_[chances.argmax(axis=1)] == fitted.predict(MORE)).all()
    committee = fitted.committee_proba(MORE)
    assert committee.shape == chances.shape and not numpy.array_equal(committee, chances)
    assert fitted.predict_proba([]).shape == (0, 2) and fitted.predict([]).shape == (0,)
    assert 0 <= fitted.score(TEXTS, ["good", "bad", "good", "bad"]) <= 1


@pytest.mark.parametrize(
    "labels",
    [[0, 1], [True, False], ["b", "a"], [numpy.int64(3), numpy.int64(-3)], [2.5, 1.0], [("a", 1), ("b", 2)], [1, "a"], ["a;b", "a"], ["NA", "none"]],
    ids=repr,
)
def test_labels_come_back_as_they_were(labels: list[Any]) -> None:
    found = classifier().fit(TEXTS, labels * 2)
    assert set(found.classes_.tolist()) == set(labels) and len(found.classes_) == 2
    assert set(found.predict(MORE).tolist()) <= set(labels)


@pytest.mark.parametrize("make", [list, numpy.array, pandas.Series, lambda y: pandas.Series(y, dtype="category")])
def test_labels_are_a_column_of_any_kind(make: Any) -> None:
    y = make(["good", "bad", "good", "bad"])
    assert classifier().fit(TEXTS, y).classes_.tolist() == ["bad", "good"]


WRONG: list[tuple[Any, Any, str]] = [
    (TEXTS, None, "the target y is None"),
    (TEXTS, ["a", "a", "a", "a"], "1 class"),
    (TEXTS, ["a", "b", "a"], "X has 4 examples and y has 3 labels"),
    (TEXTS, [1, "1", 2, 2], "the labels 1 and '1' of y are both `1` as text"),
    (TEXTS, ["a", None, "b", "b"], "row 2 of y has no label"),
    (TEXTS, ["a", {}, "b", "b"], "row 2 of y is no label but `dict`"),
    ([1.0, 2.0, 3.0, 4.0], ["a", "b", "a", "b"], "row 1: a text is expected, not `float`"),
    ("one text", ["a", "b"], "one text was given"),
]


@pytest.mark.parametrize("X, y, message", WRONG, ids=[message for _, _, message in WRONG])
def test_what_cannot_be_fitted_is_refused(X: Any, y: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message.replace("(", r"\(")):
        classifier().fit(X, y)


def test_examples_cannot_be_weighed() -> None:
    with pytest.raises(TypeError, match="sample_weight"):
        classifier().fit(TEXTS, LABELS[:4], sample_weight=[1, 1, 1, 1])
    with pytest.raises(ValueError, match="`n_jobs` is 0"):
        classifier(n_jobs=0).fit(TEXTS, LABELS[:4])


def test_fitting_twice_gives_the_same_and_forgets_the_first_time() -> None:
    one = classifier().fit(TEXTS, LABELS[:4])
    chances = one.predict_proba(MORE)
    assert numpy.array_equal(classifier().fit(TEXTS, LABELS[:4]).predict_proba(MORE), chances)
    assert one.fit(TEXTS, [1, 2, 3, 3]).classes_.tolist() == [1, 2, 3]
    other = classifier(random_state=7).fit(TEXTS, LABELS[:4]).predict_proba(MORE)
    assert not numpy.array_equal(other, chances)
    before = one.get_params()
    one.fit(TEXTS, LABELS[:4])
    assert one.get_params() == before


def test_patterns_and_words_can_be_given() -> None:
    patterns = ["It was {mask}. {text}"]
    words = {1: ["great", "good"], 0: "bad", 9: "unused"}
    found = classifier(method="pet", patterns=patterns, verbalizer=words).fit(TEXTS, [1, 0, 1, 0], unlabeled=MORE)
    assert found.run_.results["patterns"] == patterns and found.classes_.tolist() == [0, 1]
    assert found.run_.labels == ["0", "1"]
    drafted = classifier(method="pet", verbalizer=words).fit(TEXTS, [1, 0, 1, 0])
    assert 'great' in (Path(drafted.run_dir_) / "run.toml").read_text()
    own = classifier(method="pet", patterns=patterns).fit(TEXTS, [1, 0, 1, 0])
    assert own.predict(TEXTS).shape == (4,)
    with pytest.raises(ValueError, match="the verbalizer has no words for the label `2`"):
        classifier(method="pet", verbalizer=words).fit(TEXTS, [1, 0, 2, 0])


def test_columns_of_a_table_are_read() -> None:
    table = pandas.DataFrame({"id": range(4), "subject": TEXTS, "label": TEXTS[::-1], "long": [text * 2 for text in TEXTS]})
    found = classifier(text_columns=["subject", "label"]).fit(table, LABELS[:4])
    assert found.predict(table).shape == (4,)
    assert numpy.array_equal(found.predict_proba(table.to_dict("records")), found.predict_proba(table))
    with pytest.raises(cloze.DataError, match="subject"):
        found.predict(table[["long"]])


def test_searches_scores_and_pipelines(tmp_path: Path) -> None:
    scores = cross_val_score(classifier(), MANY, LABELS, cv=2)
    assert scores.shape == (2,)
    search = GridSearchCV(classifier(), {"seeds": [(0,), (1,)]}, cv=2, n_jobs=2).fit(MANY, LABELS)
    assert search.best_params_["seeds"] in [(0,), (1,)] and search.predict(TEXTS).shape == (4,)
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    assert make_pipeline(lower, classifier()).fit(TEXTS, LABELS[:4]).predict(TEXTS).shape == (4,)
    column = numpy.array(TEXTS, dtype=object).reshape(-1, 1)
    pipeline = Pipeline([("pet", classifier())]).fit(column, LABELS[:4])
    assert (pipeline.predict(column) == pipeline.predict(TEXTS)).all()


def test_it_is_pickled_without_files(fitted: PetClassifier) -> None:
    again = pickle.loads(pickle.dumps(fitted))
    assert numpy.array_equal(again.predict_proba(MORE), fitted.predict_proba(MORE))
    assert again.get_params() == fitted.get_params()
    chances = Parallel(n_jobs=2, backend="loky")(delayed(fitted.predict_proba)([text]) for text in MORE)
    assert numpy.allclose(numpy.concatenate(chances), fitted.predict_proba(MORE), atol=1e-6)


def test_it_is_saved_to_a_file(fitted: PetClassifier, tmp_path: Path) -> None:
    file = tmp_path / "classifier.cloze"
    fitted.save(file)
    assert numpy.array_equal(PetClassifier.load(file).predict_proba(MORE), fitted.predict_proba(MORE))
    with pytest.raises(FileExistsError):
        fitted.save(file)
    (tmp_path / "other").write_bytes(pickle.dumps({}))
    with pytest.raises(TypeError, match="is a file of `dict`"):
        PetClassifier.load(tmp_path / "other")


def test_a_temporary_run_goes_with_its_classifier(tmp_path: Path) -> None:
    found = classifier().fit(TEXTS, LABELS[:4])
    folder = Path(found.run_dir_)
    assert folder.is_dir()
    del found
    assert not folder.exists()
    kept = classifier(runs_dir=tmp_path).fit(TEXTS, LABELS[:4])
    assert Path(kept.run_dir_).parent == tmp_path
    heard: list[dict[str, Any]] = []
    classifier(runs_dir=tmp_path, callback=heard.append).fit(TEXTS, LABELS[:4])
    assert {event["event"] for event in heard} >= {"planned", "job_skipped", "finished"}


def test_warnings_are_about_the_caller() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier(method="pet").fit(TEXTS, LABELS[:4])
    mine = [warning for warning in caught if "unlabelled rows" in str(warning.message)]
    assert mine and all(warning.filename == __file__ for warning in mine)
