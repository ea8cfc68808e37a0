"""What the documents show is run: docstrings, the guide, the front pages, the notebook."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import cloze
import cloze.sklearn
import nbformat
import pytest
from conftest import LABELS, MODEL, MORE, ROOT, SMALL, TEXTS
from nbclient import NotebookClient

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("name", ["cloze", "cloze._explanation", "cloze._run", "cloze._task", "cloze.sklearn"])
def test_docstrings(name: str, tmp_path: Path, finished: Path) -> None:
    known = {"cloze": cloze, "model": MODEL, "folder": tmp_path, "finished": finished}
    done = doctest.testmod(importlib.import_module(name), extraglobs=known)
    assert done.attempted > 0 and done.failed == 0


def small(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same with the small model and a few updates, where nothing else is said."""

    def call(*args: Any, **more: Any) -> Any:
        return function(*args, **{"model": MODEL, "options": SMALL, **more})

    return call


@pytest.mark.parametrize("page", ["docs/guides/python.md", "README.md", "crates/cloze-python/README.md"])
def test_pages(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cloze, "train", small(cloze.train))
    monkeypatch.setattr(cloze.sklearn.PetClassifier.__init__, "__kwdefaults__", {**cloze.sklearn.PetClassifier.__init__.__kwdefaults__, "model": MODEL})
    known: dict[str, Any] = {"texts": TEXTS, "labels": LABELS, "more_texts": MORE}
    for block in blocks:
        exec(compile(block, page, "exec"), known)


def test_the_reference_is_what_the_sources_say() -> None:
    subprocess.run([sys.executable, ROOT / "scripts/python-reference.py", "--check"], check=True)


def test_the_notebook(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "docs/quickstart.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "the notebook is kept without outputs"
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.get("text", "") for output in shown if output["output_type"] == "stream")
    assert "100 %" in said and "IProgress" not in said, said
    assert any("<iframe" in output.get("data", {}).get("text/html", "") for output in shown), "the report is shown"
