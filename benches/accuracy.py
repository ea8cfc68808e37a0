"""Trains the task files on labelled data sets and compares PET with plain fine-tuning on the same labels.

    cargo build --release
    python3 benches/accuracy.py --data DATA --out benches/results/NAME.jsonl

DATA has a folder per task with labelled.csv, unlabeled.csv and test.csv. Writes one JSON line per run and prints the
table of docs/results.md. Runs that are there already are not repeated.
"""

import argparse
import csv
import json
import pathlib
import shutil
import statistics
import subprocess
import time

HERE = pathlib.Path(__file__).parent
TASKS = ["trec", "sst2", "clinc-domains", "subj", "agnews"]
args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--data", required=True, type=pathlib.Path, help="the folder with the data sets")
args.add_argument("--cloze", default=HERE.parent / "target/release/cloze", help="the built command")
args.add_argument("--runs", default="runs", type=pathlib.Path, help="where the runs are kept")
args.add_argument("--out", required=True, type=pathlib.Path, help="file for the raw results")
args.add_argument("--tasks", default=",".join(TASKS))
args.add_argument("--seeds", default="0,1,2", help="those to run; the table has all that are there")
args.add_argument("--test-rows", type=int, default=1000, help="measure on the first so many rows of every test set")
args.add_argument("--threads", help="threads of every run; the results do not depend on it")
args = args.parse_args()
tasks, seeds = args.tasks.split(","), [int(seed) for seed in args.seeds.split(",") if seed]


def results():
    lines = args.out.read_text().splitlines() if args.out.exists() else []
    return {(line["task"], line["seed"]): line for line in map(json.loads, lines)}


def data(task):
    """The task's data with a test set cut to size."""
    folder = args.runs / "data" / task
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("labelled.csv", "unlabeled.csv"):
        shutil.copyfile(args.data / task / name, folder / name)
    with open(args.data / task / "test.csv", newline="") as whole, open(folder / "test.csv", "w", newline="") as cut:
        for i, row in zip(range(args.test_rows + 1), csv.reader(whole)):
            csv.writer(cut).writerow(row)
    return folder


def train(task, seed):
    begin = time.time()
    command = [args.cloze, "train", HERE.parent / f"tasks/{task}.toml", "--data", data(task)]
    command += ["--seeds", seed, "--keep", "final", "--runs", args.runs, "--quiet"]
    command += ["--threads", args.threads] if args.threads else []
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    newest = max(args.runs.glob(f"{task}-*/results.json"), key=lambda path: path.stat().st_mtime)
    return {"task": task, "seed": seed, "seconds": round(time.time() - begin, 1), **summary(newest)}


def summary(path):
    found = json.loads(path.read_text())
    measured = {}
    for stage in ("zero_shot", "members"):
        measured[stage] = [one["test"]["accuracy"]["value"] for one in found[stage]]
    for stage in ("zero_shot_together", "ensemble", "distilled", "supervised"):
        measured[stage] = found[stage]["test"]["accuracy"]["value"]
    return {"rows": found["data"], "version": found["version"], **measured}


with_seeds = results()
with args.out.open("a") as out:
    for seed in seeds:
        for task in tasks:
            if (task, seed) not in with_seeds:
                line = train(task, seed)
                out.write(json.dumps(line) + "\n")
                out.flush()
                print(json.dumps(line), flush=True)

print("| task | seeds | untouched model | plain fine-tuning | PET, ensemble | PET, distilled |")
print("| --- | --- | --- | --- | --- | --- |")
for task in tasks:
    lines = [line for (name, _), line in results().items() if name == task]

    def cell(stage):
        values = [100 * line[stage] for line in lines]
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        return f"{statistics.mean(values):.1f}{spread}"

    columns = [cell(stage) for stage in ("supervised", "ensemble", "distilled")]
    print(f"| {task} | {len(lines)} | {100 * lines[0]['zero_shot_together']:.1f} | {' | '.join(columns)} |")
