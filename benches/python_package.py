"""The Python package beside the command: importing it, and predicting 10,000 texts with the same run.

    pip install cloze_pet-*.whl            # into an environment, optimised: cargo xtask release makes it
    cloze demo --runs RUNS                 # a run; its directory is RUNS/demo-…
    python benches/python_package.py --run RUNS/demo-… --out benches/results/python_package.jsonl

Pairs alternate. A line is written for each: seconds of `Run.predict` in a fresh process after a first text, and those that `cloze predict` says it took
for the same texts, both without reading the model; and milliseconds of `import cloze` in that process.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import processor, spread

DEMO = Path(__file__).parents[1] / "crates/cloze-cli/demo/test.csv"

PREDICT = """
import csv, sys, time
began = time.perf_counter()
import cloze
imported = time.perf_counter()
with open(sys.argv[2], newline="") as file:
    texts = [row["text"] for row in csv.DictReader(file)]
run = cloze.Run.load(sys.argv[1])
run.predict(texts[:1])
ready = time.perf_counter()
run.predict(texts)
print(imported - began, time.perf_counter() - ready)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--rows", type=int, default=10_000)
    options = parser.parse_args()
    with DEMO.open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory() as folder, open(options.out, "a") as out:
        table = Path(folder, "rows.csv")
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([["text"], *([f"{texts[row % len(texts)]} {row}"] for row in range(options.rows))])
        command = Path(sys.executable).with_name("cloze")
        ratios, imports = [], []
        for pair in range(options.pairs):
            said = subprocess.run([sys.executable, "-c", PREDICT, options.run, table], capture_output=True, text=True, check=True)
            imported, package = map(float, said.stdout.split())
            done = subprocess.run([command, "predict", options.run, table, "-o", Path(folder, f"{pair}.csv"), "--json"], capture_output=True, text=True, check=True)
            seconds = json.loads(done.stdout)["seconds"]
            line = {"pair": pair, "rows": options.rows, "import_ms": round(1000 * imported, 1), "package_s": round(package, 3), "command_s": round(seconds, 3), "processor": processor()}
            out.write(json.dumps(line) + "\n")
            ratios.append(package / seconds)
            imports.append(1000 * imported)
        print(f"predict, package / command: {spread(ratios)}; import, ms: {spread(imports)}")


if __name__ == "__main__":
    main()
