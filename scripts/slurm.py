#!/usr/bin/env python3
"""Submits runs to a real Slurm of one node that this starts itself, and breaks it in several ways: a run always ends with the bytes of a local one.

    slurm.py CLOZE MODEL FOLDER

CLOZE is the command, MODEL a small model, FOLDER a place for all files. Needs munged, slurmctld, slurmd and root. Where Slurm does not start at all, it leaves a file
`not-ready` in FOLDER and ends well.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CLUSTER = """\
ClusterName=cloze
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller}
SlurmdPort={daemon}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=2
SchedulerParameters=batch_sched_delay=1,sched_interval=2,sched_min_interval=100000
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
"""

TASK = """\
format = 1
name = "weather"
patterns = ["{text} It is {mask}.", "{mask}: {text}"]

[data]
train = "labelled.csv"
unlabeled = "unlabeled.csv"
test = "test.csv"
label = "label"

[labels]
good = ["good", "great"]
bad = "bad"

[train]
method = "ipet"
seeds = [0, 1]
steps = 150
batch_size = 4

[distil]
steps = 40
"""

passed = 0
failures = []


def check(right, what, detail=""):
    global passed
    if right:
        passed += 1
        return
    failures.append(f"failed: {what}\n        {detail}")
    print(failures[-1], flush=True)


def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    check(False, what, f"not within {seconds} s")
    return None


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class NotReady(Exception):
    """Slurm does not start here."""


class Cluster:
    """A Slurm of one node."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o400)
        host = socket.gethostname().split(".")[0]
        ports = {"controller": free_port(), "daemon": free_port()}
        self.conf = folder / "slurm.conf"
        self.conf.write_text(CLUSTER.format(host=host, folder=folder, cores=os.cpu_count(), **ports))
        os.environ["SLURM_CONF"] = str(self.conf)
        munge = [f"--{name}={folder}/munge.{end}" for name, end in [("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed")]]
        self.processes = {"munged": self.start(["munged", "--foreground", "--force", *munge])}
        until((folder / "munge.socket").exists, 20, "munged starts")
        self.processes["slurmctld"] = self.start(["slurmctld", "-D", "-c", "-f", self.conf])
        try:
            self.start_node()
        except NotReady:
            self.stop()
            raise

    def start(self, words):
        return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start_node(self):
        self.processes["slurmd"] = self.start(["slurmd", "-D", "-f", self.conf])
        ready = lambda: re.search("idle|mix|alloc", self.ask("sinfo", "--noheader", "--format=%t")) and "*" not in self.ask("sinfo", "--noheader", "--format=%t")
        end = time.monotonic() + 60
        while not ready() and time.monotonic() < end:
            time.sleep(0.1)
        if not ready():
            for log in self.folder.glob("*.log"):
                print(log.read_text()[-2000:])
            raise NotReady

    def ask(self, *words):
        return subprocess.run(words, capture_output=True, text=True).stdout

    def running(self, name):
        """The tasks of arrays of this name that run, as `JOB_TASK`."""
        lines = self.ask("squeue", "--noheader", "--array", f"--name={name}", "--states=RUNNING", "--format=%i").split()
        return [line for line in lines if "_" in line]

    def hurry(self):
        """Starts what is queued again at once, which Slurm would let wait for two minutes."""
        waiting = self.ask("squeue", "--noheader", "--array", "--states=PENDING", "--format=%i|%r").split()
        for line in waiting:
            if line.endswith("|BeginTime"):
                self.ask("scontrol", "update", f"JobId={line.partition('|')[0]}", "StartTime=now")
        return bool(waiting)

    def stop(self):
        self.ask("scancel", "--user=root")
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def write(folder):
    """A task with its data in `folder`."""
    folder.mkdir(parents=True)
    good, bad = "the sun and the light of day {}", "the night and the storm of day {}"
    rows = lambda numbers: [((good, bad)[number % 2].format(number), ("good", "bad")[number % 2]) for number in numbers]
    table = lambda numbers: "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows(numbers))
    (folder / "task.toml").write_text(TASK)
    (folder / "labelled.csv").write_text(table(range(8)))
    (folder / "test.csv").write_text(table(range(200, 220)))
    (folder / "unlabeled.csv").write_text("text\n" + "".join(f"{text}\n" for text, _ in rows(range(100, 140))))


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    command, model, folder = (str(Path(word).resolve()) for word in sys.argv[1:])
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    os.environ["CLOZE_MODEL"] = model

    def cloze(place, *words):
        done = subprocess.run([command, "--json", *words], cwd=folder / place, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"cloze {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    write(folder / "local")
    run = cloze("local", "train", "task.toml", "--threads", "1")["run"]
    name = f"cloze-{Path(run).name}"
    files = ["results.json", "insight.json", "final/model.safetensors", "g2/ensemble/logits.csv"]
    files = [file for file in files if (folder / "local" / run / file).exists()]
    check(len(files) >= 3, "the local run has its files", str(files))
    outcome = lambda place: [(folder / place / run / file).read_bytes() for file in files]

    def jobs(place):
        """How often each job was finished by a process that began it."""
        counts = {}
        for path in (folder / place / run / "events").glob("*.jsonl"):
            for line in path.read_text().splitlines():
                event = json.loads(line)
                if event["event"] == "job_finished":
                    counts[event["job"]] = counts.get(event["job"], 0) + 1
        return counts

    def submit(place):
        write(folder / place)
        submitted = cloze(place, "submit", "task.toml", "--slurm", "--threads", "1", "--", "--cpus-per-task=1", "--mem=0")
        check(submitted["tasks"] >= 4, "an array is submitted", str(submitted))

    def ends(place, what):
        began = time.monotonic()
        finished = lambda: not cluster.hurry() and cloze(place, "status", run)["finished"]
        if not until(finished, 150, f"{what}: the run ends"):
            print(cluster.ask("squeue", "--array"), *(path.read_text()[-500:] for path in (folder / place / run / "slurm").iterdir()))
            return
        check(outcome(place) == outcome("local"), f"{what}: the bytes are those of a local run")
        found = jobs(place)
        check(set(found) == set(jobs("local")), f"{what}: every job is done", str(found))
        check(max(found.values()) == 1, f"{what}: no job is done twice", str(found))
        until(lambda: not cloze(place, "status", run)["slurm"], 60, f"{what}: nothing stays in the queue")
        print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)

    try:
        cluster = Cluster(folder / "cluster")
    except NotReady:
        # That is between Slurm and this machine.
        (folder / "not-ready").touch()
        sys.exit(0)
    try:
        submit("plain")
        check(cloze("plain", "status", run)["slurm"], "status shows the queue")
        ends("plain", "undisturbed")

        submit("cancelled")
        if tasks := until(lambda: cluster.running(name), 60, "a task runs"):
            cluster.ask("scancel", tasks[0])
        ends("cancelled", "a task cancelled")

        submit("requeued")
        if tasks := until(lambda: cluster.running(name), 60, "a task runs"):
            cluster.ask("scontrol", "requeue", tasks[-1])
        ends("requeued", "a task requeued")

        submit("failed")
        until(lambda: cluster.running(name), 60, "a task runs")
        time.sleep(1)
        # The machine fails: the node's daemon is gone with all that it has started.
        cluster.processes["slurmd"].kill()
        subprocess.run(["pkill", "-KILL", "slurmstepd"])
        subprocess.run(["pkill", "-KILL", "-f", str(folder / "failed" / run)])
        until(lambda: "down" in cluster.ask("sinfo", "--noheader", "--format=%t"), 90, "Slurm notices that the node is gone")
        cluster.start_node()
        ends("failed", "the node failed")
    finally:
        cluster.stop()
    for failure in failures:
        print(failure)
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
