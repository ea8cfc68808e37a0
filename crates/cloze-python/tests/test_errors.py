"""What goes wrong is an exception that says where and what to do; what is interrupted goes on."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloze
import pyarrow
import pyarrow.parquet
import pytest
from cloze._rows import rows_of
from conftest import LABELS, MODEL, MORE, TEXTS, train
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel


def test_an_unknown_label_is_an_error_with_its_row_and_a_remedy_that_works(run: cloze.Run) -> None:
    with pytest.raises(cloze.DataError) as raised:
        run.evaluate(TEXTS[:2], ["good", "bda"])
    error = raised.value
    assert isinstance(error, ValueError)
    assert (error.row, error.column) == (2, "label")
    assert error.remedy is not None and error.remedy.startswith("did you mean `bad`?")
    assert error.remedy in str(error) and "example 2" in str(error)
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.row, copied.remedy) == (str(error), error.row, error.remedy)
    run.evaluate(TEXTS[:2], ["good", "bad"])


def test_all_mistakes_of_a_task_are_told_at_once() -> None:
    with pytest.raises(ValueError) as raised:
        cloze.Task(["{text}"], {"good": "good"})
    assert "the pattern has no `{mask}`" in str(raised.value) and "there is only one label" in str(raised.value)
    cloze.Task(["{text} {mask}"], {"good": "good", "bad": "bad"})


def test_options_are_those_of_the_task_file() -> None:
    task = ["{text} {mask}"], ["good", "bad"]
    with pytest.raises(ValueError, match="there is no option `step`\n  did you mean `steps`?"):
        cloze.Task(*task, options={"step": 7})
    with pytest.raises(ValueError, match="there is no preset `fast`\n  the presets are `laptop`"):
        cloze.Task(*task, preset="fast")
    options = {"steps": 7, "seeds": (0, 1), "compare": True, "learning_rate": 1e-3, "distil.temperature": 3, "method": "ipet"}
    text = cloze.Task(*task, options=options, preset="quick").to_toml()
    for line in ("steps = 7", "seeds = [0, 1]", "compare = true", "learning_rate = 0.001", "temperature = 3", 'method = "ipet"'):
        assert line in text


def remedy(function: Callable[..., object], *given: object, **named: object) -> str:
    """What is advised where a call fails."""
    with pytest.raises((ValueError, RuntimeError)) as raised:
        function(*given, **named)
    advised = getattr(raised.value, "remedy", None)
    assert isinstance(advised, str) and advised in str(raised.value)
    return advised


def test_remedies_name_functions_and_parameters_and_work(tmp_path: Path, finished: Path) -> None:
    run = cloze.Run.load(finished)
    texts = [f"a day, number {number}" for number in range(60)]
    assert "`run.calibrate(texts, labels)`" in remedy(run.predict, texts, precision=0.5)
    run.calibrate(texts, run.predict(texts))
    assert set(run.predict(texts, precision=0.5)) <= {"up", "down", None}
    (finished / "temperature.json").write_text("{")
    assert "`run.uncalibrate()`" in remedy(cloze.Run.load(finished).predict, texts)
    run.uncalibrate()
    assert cloze.Run.load(finished).predict(texts)

    table = {"text": TEXTS, "label": LABELS}
    assert remedy(cloze.Task.draft, table, text_columns=["label"], model=MODEL) == "give another column with `text_columns=`"
    assert cloze.Task.draft(table, text_columns=["text"], model=MODEL).inputs == ["text"]
    rows = {"text": TEXTS, "label": ['{"a": {}}', *LABELS[1:]]}
    assert "with `label=`;" in remedy(cloze.Task.draft, rows, model=MODEL)
    with pytest.warns(UserWarning, match="with `model=`; .* `cloze fetch "):
        train(tmp_path, unlabeled=["это хорошее место, мы придём ещё раз", "очень дорого и слишком шумно здесь"] * 20)

    shutil.rmtree(finished / "final")
    assert remedy(cloze.Run.load(finished).predict, texts, using="final").startswith("run `cloze.train` on its task ")
    (finished / "run.toml").unlink()
    assert remedy(cloze.Run.load(finished).predict, texts) == "give a directory that `cloze.train` has created"


def test_a_damaged_parquet_file_is_an_error_and_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": TEXTS * 50, "label": LABELS * 50}), file, compression="snappy")
    whole = file.read_bytes()
    (tmp_path / "task.toml").write_text(
        'format = 1\npatterns = ["{text} {mask}"]\n[data]\ntrain = "t.parquet"\nlabel = "label"\n[labels]\ngood = "good"\nbad = "bad"\n'
    )
    # How often the crate that decodes the file has panicked.
    refused = 0
    for at in range(150, 300):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            cloze.Task.load(tmp_path / "task.toml").check(model=MODEL)
        except ValueError as error:
            refused += ": the file is damaged" in str(error)
    assert refused > 0 and capfd.readouterr().err == ""


def test_the_system_s_answers_are_its_exceptions(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="cannot read: No such file or directory: 'no/task.toml'"):
        cloze.train("no/task.toml")
    with pytest.raises(FileNotFoundError):
        cloze.Run.load(tmp_path)
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OSError):
        train(tmp_path / "runs")
    with pytest.raises(ValueError, match="there is no directory `nowhere`"):
        train(tmp_path, model="nowhere")
    with pytest.raises(ValueError, match="2000 threads are more than"):
        train(tmp_path, threads=2000)


def test_labels_and_texts_are_of_the_same_number() -> None:
    with pytest.raises(ValueError, match="there are 4 examples and 3 labels"):
        cloze.train(TEXTS, LABELS[:3])
    with pytest.raises(TypeError, match="these have no labels"):
        cloze.train(TEXTS)
    with pytest.raises(ValueError, match="have no column `label`; the columns are `text`"):
        cloze.train({"text": TEXTS})


def test_a_damaged_run_is_refused(finished: Path) -> None:
    run = cloze.Run.load(finished)
    (finished / "run.toml").write_text((finished / "run.toml").read_text().replace("good", "fine"))
    with pytest.raises(RuntimeError, match="run.toml"):
        shutil.rmtree(finished / "final")
        (finished / "run.toml").write_text("# Made by nobody\n")
        run.predict(["a"])


def test_an_exception_of_a_listener_ends_the_training_which_goes_on_later(tmp_path: Path) -> None:
    def listen(event: dict[str, object]) -> None:
        if event["event"] == "job_finished" and str(event["job"]).startswith("g0/"):
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        train(tmp_path, callback=listen)
    events: list[dict[str, object]] = []
    run = train(tmp_path, callback=events.append)
    skipped = [event["job"] for event in events if event["event"] == "job_skipped"]
    assert "g0/p0-s0" in skipped and run.predict(TEXTS)


SLOW = f"""
import cloze, sys, time
print("ready", flush=True)
began = time.monotonic()
def hear(event):
    if event["event"] == "progress" and event["stage"] == "train":
        print("training", flush=True)
cloze.train({TEXTS!r}, {LABELS!r}, unlabeled={MORE!r}, model={str(MODEL)!r}, runs="runs",
            options={{"steps": 300, "distil.steps": 300}}, callback=hear)
print("done", flush=True)
"""


def test_ctrl_c_stops_within_a_second_and_the_same_call_goes_on(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW.replace('"steps": 300', '"steps": 100000'))
    process = subprocess.Popen(
        [sys.executable, "slow.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    for line in process.stdout:
        if line == "training\n":
            break
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    said = process.stderr.read()
    process.wait()
    assert time.monotonic() - began < 2, "a second, and one for a busy machine"
    assert said.rstrip().endswith("KeyboardInterrupt"), said
    assert process.returncode in (1, 130, -signal.SIGINT)
    # Finished jobs are there, and the same call goes on.
    kept = sorted(path.parent.name for path in (tmp_path / "runs").rglob("job.json"))
    assert kept
    (tmp_path / "slow.py").write_text(SLOW)
    assert subprocess.run([sys.executable, "slow.py"], cwd=tmp_path, capture_output=True, text=True).stdout.endswith("done\n")


def test_ctrl_c_stops_predicting_and_the_run_predicts_on(run: cloze.Run) -> None:
    # Made before, so that the signal comes while the native side works, and without garbage, whose collection swallows exceptions.
    texts = rows_of(MORE * 100_000)
    gc.collect()
    timer = threading.Timer(0.4, lambda: signal.raise_signal(signal.SIGINT))
    began = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run.predict(texts)
    assert time.monotonic() - began < 2.5
    assert len(run.predict(MORE)) == len(MORE)


def test_other_threads_run_while_it_works(tmp_path: Path) -> None:
    counted = 0
    going = True

    def count() -> None:
        nonlocal counted
        while going:
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    train(tmp_path, options={"steps": 100, "distil.steps": 100})
    going = False
    thread.join()
    assert counted > 20


def _predicted(run: cloze.Run, answers: multiprocessing.Queue[list[str]]) -> None:
    answers.put(run.predict(MORE))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_another_process_predicts_after_this_one_has(run: cloze.Run, method: str) -> None:
    expected = run.predict(MORE)
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    process = context.Process(target=_predicted, args=(run, answers))
    process.start()
    assert answers.get(timeout=60) == expected
    process.join(60)
    assert process.exitcode == 0


def test_a_pickle_needs_no_files(tmp_path: Path) -> None:
    run = train(tmp_path)
    expected = run.predict_proba(MORE), run.results, run.report().html
    pickled = pickle.dumps(run)
    # Examples from memory are in no folder.
    assert str(tmp_path).encode() not in pickled and os.getcwd().encode() not in pickled
    shutil.rmtree(tmp_path)
    again = pickle.loads(pickled)
    assert (again.predict_proba(MORE), again.results, again.report().html) == expected
    folder = again.path
    assert folder.exists()
    twice = pickle.loads(pickle.dumps(again))
    del again
    assert not folder.exists()
    assert twice.predict_proba(MORE) == expected[0]
    with pytest.raises(ValueError):
        twice.disagreement(MORE)


def test_a_run_without_a_classifier_is_pickled_with_its_members(tmp_path: Path) -> None:
    run = train(tmp_path, unlabeled=None)
    expected = run.predict_proba(MORE)
    pickled = pickle.dumps(run)
    shutil.rmtree(tmp_path)
    assert pickle.loads(pickled).predict_proba(MORE) == expected


def test_a_pickle_does_not_write_outside_of_its_folder(tmp_path: Path) -> None:
    from cloze._run import _unpickled

    with pytest.raises(ValueError, match="a file outside of it"):
        _unpickled({f"../{os.path.basename(tmp_path)}.txt": b"x"}, None)


def answered(client: BlockingKernelClient) -> dict[str, Any]:
    """What came of the code that a kernel was given; a busy one has also been asked several times whether it is there."""
    while (message := client.get_shell_msg(timeout=60))["header"]["msg_type"] != "execute_reply":
        pass
    content: dict[str, Any] = message["content"]
    return content


def test_a_notebook_s_interrupt_stops_the_cell_and_the_kernel_goes_on(tmp_path: Path) -> None:
    manager, client = start_new_kernel(cwd=tmp_path)
    try:
        code = SLOW.replace('"steps": 300', '"steps": 100000')
        client.execute(code)
        while "training" not in client.get_iopub_msg(timeout=60)["content"].get("text", ""):
            pass
        began = time.monotonic()
        manager.interrupt_kernel()
        reply = answered(client)
        assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
        assert time.monotonic() - began < 2
        client.execute(SLOW.replace('hear)', 'None)'))
        assert answered(client)["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
