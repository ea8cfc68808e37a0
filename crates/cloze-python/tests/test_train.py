"""Training and predicting: from rows to a run to labels."""

from __future__ import annotations

import csv
import json
import pickle
import subprocess
import sys
from pathlib import Path

import cloze
import pyarrow
import pytest
from conftest import LABELS, MODEL, MORE, RUN, SMALL, TEXTS, train

COMMAND = Path(sys.executable).with_name("cloze")


def command(*args: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, args)], capture_output=True, text=True, check=False, **more)


def write(path: Path, header: list[str], rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_a_run_is_what_init_and_train_of_the_command_make_of_the_same_rows(tmp_path: Path) -> None:
    write(tmp_path / "task.csv", ["text", "label"], list(zip(TEXTS, LABELS)))
    write(tmp_path / "more.csv", ["text"], [(text,) for text in MORE])
    test = list(zip(MORE, ["good", "bad", "good", "bad", "bad"]))
    write(tmp_path / "test.csv", ["text", "label"], test)
    drafted = command(
        "init", "task.csv", "--label", "label", "--unlabeled", "more.csv", "--test", "test.csv", "--model", MODEL, cwd=tmp_path
    )
    assert drafted.returncode == 0, drafted.stderr
    sets = [f"--set={key}={value}" for key, value in SMALL.items()]
    trained = command("train", "task.toml", "--model", MODEL, *sets, "--json", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    theirs = json.loads(trained.stdout)

    texts, labels = zip(*test)
    ours = train(tmp_path / "ours", test=(list(texts), list(labels)))
    for stage in ("members", "ensemble", "distilled", "patterns", "labels"):
        assert ours.results[stage] == theirs["results"][stage], stage
    scores = (ours.path / "final/scores.json", tmp_path / theirs["run"] / "final/scores.json")
    assert scores[0].read_bytes() == scores[1].read_bytes()

    predicted = command("predict", tmp_path / theirs["run"], tmp_path / "more.csv")
    rows = list(csv.DictReader(predicted.stdout.splitlines()))
    assert [row["prediction"] for row in rows] == ours.predict(MORE)
    chances = [{label: round(chance, 6) for label, chance in row.items()} for row in ours.predict_proba(MORE)]
    assert [{label: float(row[f"p_{label}"]) for label in ours.labels} for row in rows] == chances


def test_the_same_call_finds_its_run_again(tmp_path: Path) -> None:
    first = train(tmp_path)
    events: list[dict[str, object]] = []
    again = train(tmp_path, callback=events.append)
    assert again.path == first.path
    kinds = [event["event"] for event in events if event["event"] != "warning"]
    assert set(kinds) <= {"started", "planned", "job_skipped", "measured", "finished"}, kinds


def test_a_task_says_what_is_asked(tmp_path: Path) -> None:
    task = cloze.Task(
        patterns=["It was {mask}. {text}"],
        labels={"good": ["great", "good"], "bad": "bad"},
        train=(TEXTS, LABELS),
        unlabeled=MORE,
        options={**SMALL, "seeds": [0, 1]},
    )
    assert task.labels == {"good": ["great", "good"], "bad": ["bad"]}
    assert (task.inputs, task.name) == (["text"], "task")
    report = task.check(model=MODEL)
    assert report["members"] == 2 and report["sets"][0]["rows"] == len(TEXTS)
    run = cloze.train(task, model=MODEL, runs=tmp_path)
    assert run.results["patterns"] == task.patterns
    assert len(run.results["members"]) == 2
    assert run.predict(TEXTS, using=(0, 1)) != [] and set(run.predict(TEXTS, using="ensemble")) <= {"good", "bad"}


def test_a_task_file_is_trained_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "rows.csv", ["text", "mood"], list(zip(TEXTS, LABELS)))
    file = tmp_path / "task.toml"
    file.write_text(
        "format = 1\npatterns = ['It was {mask}. {text}']\n[data]\ntrain = 'rows.csv'\nlabel = 'mood'\n"
        "[labels]\ngood = 'good'\nbad = 'bad'\n[train]\nsteps = 4\n"
    )
    run = cloze.train(file, model=MODEL, runs=tmp_path / "runs")
    assert (run.labels, len(run.results["members"])) == (["good", "bad"], 1)
    task = cloze.Task.load(file, options={"steps": 5})
    assert "steps = 5" in task.to_toml()
    assert cloze.train(task, model=MODEL, runs=tmp_path / "runs").path != run.path
    with pytest.raises(TypeError, match="`labels` is for examples"):
        cloze.train(file, LABELS)


def test_labels_are_texts_numbers_or_missing(tmp_path: Path) -> None:
    run = cloze.train(
        [*TEXTS, "no label yet"], [1, 0, 1, 0, None], model=MODEL, options=SMALL, runs=tmp_path
    )
    assert run.labels == ["1", "0"]
    # Those without a label are learnt from as well, so there is a classifier.
    assert run.results["distilled"] is not None


def test_an_example_may_have_several_labels(tmp_path: Path) -> None:
    labels = [["good", "short"], ["bad"], [], ["bad", "short"]]
    run = cloze.train(TEXTS, labels, unlabeled=MORE, model=MODEL, options=SMALL, runs=tmp_path)
    assert sorted(run.labels) == ["bad", "good", "short"]
    assert all(isinstance(found, list) for found in run.predict(TEXTS))
    assert set(run.predict_proba(TEXTS)[0]) == set(run.labels)


def test_a_task_may_ask_about_topics(tmp_path: Path) -> None:
    task = cloze.Task(
        ["{text} Is this {topic}? {mask}."],
        {"yes": "good", "no": "bad"},
        topics={"praise": "good", "short": "in short"},
        train=(TEXTS, [["praise"], [], ["praise", "short"], ["short"]]),
        options=SMALL,
    )
    run = cloze.train(task, model=MODEL, runs=tmp_path)
    assert run.labels == ["praise", "short"]
    assert all(set(found) <= {"praise", "short"} for found in run.predict(TEXTS))


def test_an_example_may_have_choices_of_its_own(tmp_path: Path) -> None:
    rows = [
        {"question": "the best meal was", "choices": ["good", "bad"], "label": "good"},
        {"question": "the bill was", "choices": ["bad", "good"], "label": "bad"},
    ]
    task = cloze.Task(["{question} {mask}."], choices="choices", train=rows, options={"steps": 4})
    run = cloze.train(task, model=MODEL, runs=tmp_path)
    found = run.predict([{"question": "the film was", "choices": ["long", "short", "good"]}])
    assert found[0] in ("long", "short", "good")
    with pytest.raises(TypeError, match="needs `labels`, `topics` or `choices`"):
        cloze.Task(["{text} {mask}"])


def test_several_columns_are_named_by_the_patterns(tmp_path: Path) -> None:
    task = cloze.Task(
        patterns=["{subject} {message} This is {mask}."],
        labels={"good": "good", "bad": "bad"},
        train=[
            {"subject": "meal", "message": "the best in years", "label": "good", "id": 1},
            {"subject": "bill", "message": "an hour until it came", "label": "bad", "id": 2},
        ],
        options=SMALL,
    )
    run = cloze.train(task, unlabeled={"subject": ["a", "b"], "message": ["c", "d"]}, model=MODEL, runs=tmp_path)
    named = run.predict_proba([{"message": "no", "subject": "yes", "other": 3}])
    assert named == run.predict_proba([["yes", "no"]]) == run.predict_proba({"subject": ["yes"], "message": ["no"]})
    with pytest.raises(cloze.DataError, match="there is no column `subject`"):
        run.predict([{"message": "no"}])


def test_a_run_says_how_good_it_is_and_what_to_label_next(run: cloze.Run) -> None:
    evaluation = run.evaluate(TEXTS, LABELS)
    right = sum(map(str.__eq__, run.predict(TEXTS), LABELS))
    assert evaluation["accuracy"]["value"] == pytest.approx(right / len(TEXTS))
    assert run.evaluate([{"text": text, "label": label} for text, label in zip(TEXTS, LABELS)]) == evaluation
    members = [run.predict(MORE, using=(pattern, 0)) for pattern in (0, 1)]
    assert run.disagreement(MORE) == [0.0 if one == other else 0.5 for one, other in zip(*members)]


def test_a_report_is_shown_in_a_frame_and_saved_once(run: cloze.Run, tmp_path: Path) -> None:
    report = run.report()
    assert str(report).startswith("<!") and report._repr_html_().startswith("<iframe srcdoc=")
    assert '"' not in report._repr_html_().split('srcdoc="')[1].split('" style')[0]
    report.save(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == report.html
    with pytest.raises(FileExistsError):
        report.save(tmp_path / "report.html")


def test_a_run_of_an_earlier_version_still_predicts(finished: Path) -> None:
    run = cloze.Run.load(finished)
    # What that version predicted.
    then = [json.loads(line) for line in (RUN.parent / "predictions.jsonl").read_text().splitlines()]
    for using in ("final", "ensemble"):
        rows = [row for row in then if row["with"] == using]
        texts = [row["text"][0] for row in rows]
        assert rows and run.predict(texts, using=using) == [row["label"] for row in rows]
        for found, row in zip(run.predict_proba(texts, using=using), rows):
            assert found == pytest.approx(row["probabilities"], abs=1e-5)


def test_it_is_said_what_predicts(run: cloze.Run, finished: Path, tmp_path: Path) -> None:
    assert run.answered_by == "final"
    with pytest.warns(UserWarning, match="the ensemble itself predicts"):
        assert train(tmp_path, unlabeled=None).answered_by == "ensemble"
    for file in (finished / "final").iterdir():
        file.unlink()
    (finished / "final").rmdir()
    with pytest.warns(UserWarning, match="is gone, so the ensemble predicts instead"):
        assert cloze.Run.load(finished).predict(["a warm day"]) == ["up"]


def test_nothing_is_shown_where_nobody_looks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train(tmp_path)
    assert capfd.readouterr() == ("", "")
    train(tmp_path, options={**SMALL, "steps": 5}, verbose=True)
    assert "final" in capfd.readouterr().err


def test_progress_is_a_line_without_tqdm(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    train(tmp_path, verbose=True)
    shown = capfd.readouterr().err
    assert "\r" in shown and "\n" not in shown and "g0/p0-s0: train" in shown


def test_the_command_of_the_package_is_the_native_one(tmp_path: Path) -> None:
    version = command("--version")
    assert (version.returncode, version.stdout) == (0, f"cloze {cloze.__version__}\n")
    wrong = command("predict", "nowhere", "nothing.csv", cwd=tmp_path)
    # The remedy is about what was typed, not about Python.
    assert wrong.returncode == 1 and "python" not in wrong.stderr, wrong.stderr
    assert command("no-such-verb").returncode == 2
    help = command("train", "--help")
    assert "Train the classifier" in help.stdout


def test_a_run_is_calibrated_and_leaves_what_is_not_sure(run: cloze.Run) -> None:
    ours = pickle.loads(pickle.dumps(run))
    texts = [f"a {word} meal, number {number}" for number in range(20) for word in ("good", "bad", "cold", "fine")]
    plain = ours.predict_proba(texts)
    given = ours.predict(texts)
    order = sorted(range(len(texts)), key=lambda row: max(plain[row].values()))
    other = {"good": "bad", "bad": "good"}
    labels = [other[given[row]] if row in order[:16] else given[row] for row in range(len(texts))]
    with pytest.raises(ValueError, match="is not calibrated"):
        ours.predict(texts, precision=0.8)
    assert ours.calibration is None
    found = ours.calibrate(texts, labels)
    assert (found["rows"], found["accuracy"]["value"]) == (80, 0.8) and found == ours.calibration
    assert ours.predict(texts) == given
    calibrated = ours.predict_proba(texts)
    assert calibrated != plain
    sure = ours.predict(texts, precision=0.8)
    assert None in sure and all(label in (None, expected) for label, expected in zip(sure, given))
    arrow = ours.predict_arrow(pyarrow.table({"text": texts}), precision=0.8)
    assert arrow["prediction"].to_pylist() == sure
    assert arrow["p_bad"].to_pylist() == [row["bad"] for row in calibrated]
    with pytest.raises(ValueError, match="precision of 1.5"):
        ours.predict(texts, precision=1.5)
    with pytest.raises(ValueError, match="too few"):
        ours.calibrate(texts[:10], labels[:10])
    # A pickle takes it along.
    again = pickle.loads(pickle.dumps(ours))
    assert again.predict_proba(texts) == calibrated
    ours.uncalibrate()
    assert ours.calibration is None and ours.predict_proba(texts) == plain
