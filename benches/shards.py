"""Annotating in parts: rows a second, bytes of a row, memory and start-up of `cloze predict --shard`, and what follows for 10^9 rows.

    cargo build --release -p cloze-cli
    target/release/cloze demo --runs RUNS                       # a run; its directory is RUNS/demo-...
    pip install pyarrow
    python benches/shards.py --run RUNS/demo-... --out benches/results/shards.jsonl --command target/release/cloze
    python benches/shards.py --table benches/results/shards.jsonl   # the tables of docs/guides/many-rows.md once more

Without `--rows FILE` the rows are those of the demo, again and again, each with its number. Two processes of one thread, one of one thread and one of two take turns.
On a machine that does nothing else.
"""

import argparse
import csv
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import processor

DEMO = Path(__file__).parents[1] / "crates/cloze-cli/demo/test.csv"

# What is planned for.
ALL = 10**9
GROUP = 50_000
CORES = (16, 64, 256, 1024, 4096)


def table_of(rows, path, count, groups):
    """Writes `count` rows of a CSV file, repeated, as Parquet with so many row groups."""
    import pyarrow
    import pyarrow.parquet

    with open(rows, newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    # Texts that are the same all over again would compress too well.
    columns = {name: [f"{read[row % len(read)][name]} {row}" for row in range(count)] for name in read[0]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=math.ceil(count / groups), compression="zstd")
    return sum(len(text) for column in columns.values() for text in column) / count


def together(commands):
    """Runs commands at once: seconds until the last has ended, the largest memory of one in MB, and what each says of itself."""
    begin = time.monotonic()
    # A file, since a pipe that nobody empties would stop them.
    files = [tempfile.TemporaryFile("w+") for _ in commands]
    started = [subprocess.Popen([str(word) for word in command], stdout=file, stderr=subprocess.DEVNULL) for command, file in zip(commands, files)]
    memory = 0
    for process in started:
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            raise SystemExit(f"{process.args} failed")
        memory = max(memory, usage.ru_maxrss // 1024)
    seconds = time.monotonic() - begin
    said = []
    for file in files:
        file.seek(0)
        said.append(json.loads(file.read().splitlines()[-1]))
    return seconds, memory, said


def measure(options, out):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        archive, one, many = folder / "archive.parquet", folder / "one", folder / "many"
        letters = table_of(options.rows, archive, options.count, 8)
        one.mkdir(), many.mkdir()
        table_of(options.rows, one / "0.parquet", 1, 1)
        for number in range(1000):
            os.link(one / "0.parquet", many / f"{number:04}.parquet")

        def predict(data, name, shard, threads):
            return [options.command, "predict", options.run, data, "-o", folder / name, "--shard", shard, "--threads", threads, "--json"]

        runs = {
            # What is done before the first row and what a file more costs: in the shard behind the last part there is nothing else to do.
            "start": lambda name: [predict(one, name, "1/2", 1)],
            "start, 1000 files": lambda name: [predict(many, name, "1000/1001", 1)],
            "1 process, 1 thread": lambda name: [predict(archive, name, "0/1", 1)],
            "2 processes, 1 thread": lambda name: [predict(archive, name, f"{shard}/2", 1) for shard in (0, 1)],
            "1 process, 2 threads": lambda name: [predict(archive, name, "0/1", 2)],
        }
        for turn in range(options.turns):
            for what, commands in runs.items():
                name = f"{what} {turn}"
                seconds, memory, said = together(commands(name))
                written = sum(path.stat().st_size for path in (folder / name).glob("part-*"))
                rows = sum(line["rows"] for line in said)
                line = {"what": what, "turn": turn, "seconds": round(seconds, 3), "rows": rows, "memory_mb": memory, "processor": processor(), "cores": os.cpu_count()}
                if rows:
                    line |= {"letters": round(letters, 1), "bytes_in": archive.stat().st_size, "bytes_out": written}
                print(json.dumps(line), file=out, flush=True)


def plan(lines):
    """The tables of the guide, from the lines of a file of results."""

    def of(what):
        return [line for line in lines if line["what"] == what]

    def median(what, value):
        found = [value(line) for line in of(what)]
        return statistics.median(found), min(found), max(found)

    def shown(values, digits=0):
        middle, least, most = values
        return f"{middle:,.{digits}f} ({least:,.{digits}f}-{most:,.{digits}f})"

    start = median("start", lambda line: line["seconds"])[0]
    file = (median("start, 1000 files", lambda line: line["seconds"])[0] - start) / 1000
    one = of("1 process, 1 thread")[0]
    bytes_in, bytes_out = one["bytes_in"] / one["rows"], one["bytes_out"] / one["rows"]

    def rate(what):
        return median(what, lambda line: line["rows"] / (line["seconds"] - start))

    print(f"Measured on {one['processor']}, {one['cores']} cores, {len(of('start'))} turns, {one['rows']:,} rows of {one['letters']:.0f} letters on average:\n")
    print("| | rows a second | memory of a process, MB |\n| --- | ---: | ---: |")
    for what in ("1 process, 1 thread", "2 processes, 1 thread", "1 process, 2 threads"):
        print(f"| {what} | {shown(rate(what))} | {median(what, lambda line: line['memory_mb'])[0]:.0f} |")
    print(f"\nA row has {bytes_in:.0f} bytes in the input and {bytes_out:.0f} in the output, both Parquet with zstd. A process begins after {start:.1f} s, and each file of")
    print(f"the input adds {1000 * file:.2f} ms.\n")
    # Every core with another one beside it that works as well.
    core = rate("2 processes, 1 thread")[0] / 2
    parts = ALL // GROUP
    print(f"{ALL:,} rows in {parts:,} row groups of {GROUP:,} in 1,000 files, on cores like these, {ALL / core / 3600:,.0f} core-hours, {ALL * bytes_in / 1e9:,.0f} GB in and {ALL * bytes_out / 1e9:,.0f} GB out:\n")
    print("| cores | hours | parts of a core | of the time, cores at work | MB a second read and written |\n| ---: | ---: | ---: | ---: | ---: |")
    for cores in CORES:
        # Cores that have a part less wait for those with one more.
        most = math.ceil(parts / cores)
        seconds = start + 1000 * file + most * GROUP / core
        busy = ALL / core / (cores * seconds)
        print(f"| {cores:,} | {seconds / 3600:,.1f} | {most:,} | {100 * busy:.0f} % | {ALL * (bytes_in + bytes_out) / seconds / 1e6:,.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", help="the command cloze")
    parser.add_argument("--run")
    parser.add_argument("--out")
    parser.add_argument("--rows", default=DEMO, help="a CSV file with rows")
    parser.add_argument("--count", type=int, default=20_000, help="how many rows are annotated in a turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--table", help="a file of results, to print the tables of")
    options = parser.parse_args()
    if not options.table:
        if not (options.command and options.run and options.out):
            sys.exit("give --command, --run and --out, or --table")
        with open(options.out, "w") as out:
            measure(options, out)
    with open(options.table or options.out) as file:
        plan([json.loads(line) for line in file])


if __name__ == "__main__":
    main()
