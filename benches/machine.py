"""What the measurements say of the machine that they were made on."""

import os
import platform
import statistics
import subprocess
import tempfile
import time


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def spread(values):
    """The median of values, with the least and the most."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def timed(command, folder=None, env=None):
    """Seconds, peak memory in MB and standard output of a command, run in a folder."""
    command = [str(part) for part in command]
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        for file in (out, log):
            file.seek(0)
        if status != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{log.read()[-4000:]}")
        return {"seconds": round(seconds, 2), "peak_memory_mb": usage.ru_maxrss // 1024}, out.read()
