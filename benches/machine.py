"""What the measurements say of the machine that they were made on."""

import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import threading
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


def costed(command, folder=None, env=None):
    """What `timed` says of a command, with the processor time in seconds and the energy of the machine in joules, which is None where the
    counters of the processors cannot be read."""
    with Energy() as energy:
        before = os.times()
        cost, out = timed(command, folder, env)
        after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cost | {"cpu_seconds": round(cpu, 2), "joules": energy.joules}, out


class Energy:
    """The joules that the packages of the machine, and memory where it is counted apart, use meanwhile."""

    def __enter__(self):
        self.joules, self.stop = 0, threading.Event()
        self.last = self.read()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.add()

    def watch(self):
        # Often enough that no counter starts again twice in between.
        while not self.stop.wait(10):
            self.add()

    def add(self):
        now = self.read()
        if self.joules is None or self.last is None or now is None or now.keys() != self.last.keys():
            self.joules = None
            return
        for domain, value in now.items():
            more = value - self.last[domain]
            self.joules += (more if more >= 0 else more + int((domain / "max_energy_range_uj").read_text())) / 1e6
        self.last = now

    @staticmethod
    def read():
        """Every counter in microjoules, by its folder."""
        found = {}
        try:
            for domain in sorted(pathlib.Path("/sys/class/powercap").glob("intel-rapl:*")):
                name = (domain / "name").read_text().strip()
                if name.startswith("package") or name == "dram":
                    found[domain] = int((domain / "energy_uj").read_text())
        except OSError:
            return None
        return found or None
