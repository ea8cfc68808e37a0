"""How training is shown while it goes on."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any, Optional, Union

Callback = Callable[[dict[str, Any]], object]
Verbose = Union[bool, str]


class Listener:
    """Hears the events of the native side: passes them to `callback`, to what is shown, and warnings to Python's."""

    def __init__(self, callback: Optional[Callback], verbose: Verbose) -> None:
        if verbose not in (True, False, "auto"):
            raise ValueError(f"`verbose` is {verbose!r}, and can be True, False or \"auto\"")
        seen = sys.stderr is not None and sys.stderr.isatty() or _in_notebook()
        self._callback = callback
        self._shown = _bar() if verbose is True or verbose == "auto" and seen else None

    def __call__(self, line: str) -> None:
        event = json.loads(line)
        if event["event"] == "warning":
            warnings.warn(event["message"], stacklevel=outside())
        if self._shown is not None:
            self._shown.hear(event)
        if self._callback is not None:
            self._callback(event)

    def close(self) -> None:
        """Show nothing any more, however the work has ended."""
        if self._shown is not None:
            self._shown.display.end()


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook, which has no terminal but shows bars."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def outside() -> int:
    """How many frames up the caller of this package is, whom a warning is about."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "cloze":
        level, frame = level + 1, frame.f_back
    return level


class _Line:
    """One line of text that is written over."""

    def __init__(self) -> None:
        self.width = 0

    def show(self, done: float, total: int, what: str) -> None:
        text = f"{min(int(done) + 1, total)}/{total} {what}"[:79]
        sys.stderr.write(f"\r{text.ljust(self.width)}")
        sys.stderr.flush()
        self.width = len(text)

    def end(self) -> None:
        sys.stderr.write("\r" + " " * self.width + "\r")
        sys.stderr.flush()


class _Tqdm:
    """A bar of tqdm, in a notebook one of its own."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar

    def show(self, done: float, total: int, what: str) -> None:
        self.bar.total = total
        self.bar.n = round(done, 2)
        self.bar.set_description_str(what, refresh=True)

    def end(self) -> None:
        self.bar.close()


class _Shown:
    """Keeps count of jobs."""

    def __init__(self, display: Union[_Line, _Tqdm]) -> None:
        self.display = display
        self.jobs = 1
        self.done = 0
        self.shown = -1.0

    def hear(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "planned":
            self.jobs = max(len(event["jobs"]), 1)
        elif kind == "job_started":
            self._show(self.done, event["what"])
        elif kind == "progress":
            part = event["done"] / max(event["total"], 1)
            # Stages of a job each count to their own end; often enough to be seen to move.
            if abs(self.done + part - self.shown) >= 0.02:
                self._show(self.done + min(part, 0.99), f"{event['job']}: {event['stage']} {event['done']}/{event['total']} {event['unit']}")
        elif kind in ("job_finished", "job_skipped"):
            self.done += 1
            self._show(self.done, event["job"])

    def _show(self, done: float, what: str) -> None:
        self.shown = done
        self.display.show(done, self.jobs, what)


def _bar() -> _Shown:
    try:
        # In a notebook without widgets it warns that its bar is one of text.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return _Shown(_Line())
    return _Shown(_Tqdm(tqdm(total=1, bar_format="{desc}: {percentage:3.0f} % |{bar}| {elapsed}")))
