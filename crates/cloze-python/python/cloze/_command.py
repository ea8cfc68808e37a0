"""The command `cloze`: the native one in this process."""

from __future__ import annotations

import signal
import sys

from . import _cloze


def main() -> int:
    """Do what the command line says, and give the exit code."""
    # Python's handler would only take a note for an interpreter that does not run meanwhile.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _cloze.command(["cloze", *sys.argv[1:]])
