"""Trains task files on labelled data sets and tabulates how good what comes out is. Four tables:

    cargo build --release
    python3 benches/accuracy.py tasks     --data DATA --out benches/results/accuracy.jsonl
    python3 benches/accuracy.py precision --data DATA --out benches/results/precision.jsonl
    python3 benches/accuracy.py labels    --data DATA --out benches/results/labels.jsonl
    python3 benches/accuracy.py fewglue   --data DATA --out benches/results/fewglue.jsonl

`tasks`: five tasks, PET beside plain fine-tuning on the same labels. `precision`: three of them in float32 and in bfloat16.
`labels`: the five with more and fewer labelled rows, drawn from pool.csv. `fewglue`: the tasks of SuperGLUE with 32 labelled rows.

DATA has a folder per task with labelled.csv, unlabeled.csv, test.csv and pool.csv; for `fewglue` it holds the folders BoolQ, CB and
so on with train.jsonl, unlabeled.jsonl and val.jsonl (where that is missing, dev32.jsonl). Writes one JSON line per run and
prints the table of docs/results.md. Runs that are there already are not repeated.
"""

import argparse
import csv
import itertools
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import time

HERE = pathlib.Path(__file__).parent
FIVE = ["trec", "sst2", "clinc-domains", "subj", "agnews"]
FEWGLUE = ["BoolQ", "CB", "COPA", "RTE", "WiC", "WSC", "MultiRC", "ReCoRD"]
# Those that rows are chosen in: no classifier, so neither plain fine-tuning nor iPET.
CHOICES = ["ReCoRD"]
args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("table", choices=["tasks", "precision", "labels", "fewglue"])
args.add_argument("--data", required=True, type=pathlib.Path, help="the folder with the data sets")
args.add_argument("--cloze", default=HERE.parent / "target/release/cloze", help="the built command")
args.add_argument("--runs", default="runs", type=pathlib.Path, help="where the runs are kept")
args.add_argument("--out", required=True, type=pathlib.Path, help="file for the raw results")
args.add_argument("--only", help="these tasks, separated by commas")
args.add_argument("--seeds", help="those to run, separated by commas; the table has all that are there")
args.add_argument("--test-rows", type=int, default=1000, help="measure on the first so many rows of every test set")
args.add_argument("--unlabeled-rows", type=int, default=500, help="unlabelled rows of `labels` and `fewglue`")
args.add_argument("--threads", help="threads of every run; the results do not depend on it")
args = args.parse_args()


def grid():
    """What is to be run, in order: a line of results is known by these."""
    seeds = [int(seed) for seed in (args.seeds or "").split(",") if seed] or list(range(5 if args.table == "precision" else 3))
    only = args.only.split(",") if args.only else None
    chosen = lambda names: [name for name in names if only is None or name in only]
    if args.table == "tasks":
        return [dict(task=task, seed=seed) for seed in seeds for task in chosen(FIVE)]
    if args.table == "precision":
        cells = itertools.product(seeds, chosen(["agnews", "trec", "subj"]), ["float32", "bfloat16"])
        return [dict(task=task, seed=seed, precision=precision) for seed, task, precision in cells]
    if args.table == "labels":
        cells = itertools.product(seeds, chosen(FIVE), [0, 10, 32, 100], ["pet", "ipet"])
        # Without labelled rows there is nothing that PET could learn from.
        return [dict(task=t, seed=s, labels=n, method=m) for s, t, n, m in cells if n > 0 or m == "ipet"]
    cells = itertools.product(seeds, chosen(FEWGLUE), ["pet", "ipet"])
    return [dict(task=t, seed=s, method=m) for s, t, m in cells if m == "pet" or t not in CHOICES]


def key(cell):
    return tuple(sorted((name, value) for name, value in cell.items() if name in ("task", "seed", "precision", "labels", "method")))


def results():
    lines = args.out.read_text().splitlines() if args.out.exists() else []
    return {key(line): line for line in map(json.loads, lines)}


def data(task):
    """The task's data with a test set cut to size."""
    folder = args.runs / "data" / task
    folder.mkdir(parents=True, exist_ok=True)
    if args.table == "fewglue":
        source = args.data / task
        for name in ("train.jsonl", "unlabeled.jsonl"):
            if (source / name).exists():
                shutil.copyfile(source / name, folder / name)
        test = source / ("val.jsonl" if (source / "val.jsonl").exists() else "dev32.jsonl")
        with open(test) as whole, open(folder / "val.jsonl", "w") as cut:
            rows = 0
            for line in whole:
                # A passage of MultiRC is as many rows as it has answers, and stays whole.
                rows += sum(len(q["answers"]) for q in json.loads(line)["passage"]["questions"]) if task == "MultiRC" else 1
                if rows > args.test_rows:
                    break
                cut.write(line)
        return folder
    for name in ("labelled.csv", "unlabeled.csv", "pool.csv"):
        shutil.copyfile(args.data / task / name, folder / name)
    with open(args.data / task / "test.csv", newline="") as whole, open(folder / "test.csv", "w", newline="") as cut:
        csv.writer(cut).writerows(itertools.islice(csv.reader(whole), args.test_rows + 1))
    return folder


def with_keys(text, section, keys):
    """A task file with these keys in a section, in the place of those that it has."""
    for name, value in keys.items():
        text = re.sub(rf"(?m)^{name} *=.*\n", "", text)
        if f"[{section}]\n" not in text:
            text += f"\n[{section}]\n"
        text = text.replace(f"[{section}]\n", f"[{section}]\n{name} = {value}\n")
    return text


def task_file(cell):
    """The task file of a cell, written beside the runs."""
    text = (HERE.parent / f"tasks/{cell['task'].lower()}.toml").read_text()
    train, rows = {"measure": '"all"'}, {}
    if "precision" in cell:
        train["precision"] = f'"{cell["precision"]}"'
    if args.table in ("labels", "fewglue"):
        train["precision"] = '"bfloat16"'
        train["compare"] = "true" if cell["method"] == "pet" and cell["task"] not in CHOICES else "false"
        if cell["task"] not in CHOICES:
            rows["unlabeled_limit"] = args.unlabeled_rows
    if "labels" in cell:
        rows |= {"train": '"pool.csv"', "train_limit": cell["labels"], "train_seed": cell["seed"]}
        if cell["labels"] == 0:
            text = re.sub(r"(?m)^train *=.*\n", "", text)
            rows = {"unlabeled_limit": args.unlabeled_rows}
    text = with_keys(with_keys(text, "train", train), "data", rows)
    path = args.runs / "tasks" / f"{'-'.join(str(value) for _, value in key(cell))}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def train(cell):
    begin = time.time()
    command = [args.cloze, "train", task_file(cell), "--data", data(cell["task"]), "--json"]
    command += ["--seeds", cell["seed"], "--keep", "none" if args.table != "tasks" else "final", "--runs", args.runs]
    command += ["--method", cell["method"]] if "method" in cell else []
    command += ["--preset", "quick"] if args.table == "fewglue" else []
    command += ["--threads", args.threads] if args.threads else []
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    # The last line is what the command found; those before it are its events.
    said = json.loads(done.stdout.strip().splitlines()[-1])
    cost = {"seconds": round(time.time() - begin, 1), "job_seconds": round(sum(said["job_seconds"].values()), 1)}
    return {**cell, **cost, "peak_memory_mb": said["peak_memory_bytes"] // 2**20, **summary(said["results"])}


def summary(found):
    measured = {stage: [figures(one["test"]) for one in found[stage]] for stage in ("zero_shot", "members")}
    for stage in ("zero_shot_together", "ensemble", "distilled", "supervised"):
        if found[stage]:
            measured[stage] = figures(found[stage]["test"])
    test = (found["ensemble"] or found["supervised"])["test"]
    if test["labels"]:
        measured["majority"] = max(label["gold"] for label in test["labels"]) / test["rows"]
    return {"rows": found["data"], "version": found["version"], **measured}


def figures(test):
    """Accuracy alone; with what else is measured, where SuperGLUE looks at it."""
    if args.table != "fewglue":
        return test["accuracy"]["value"]
    found = {name: test[name]["value"] for name in ("accuracy", "macro_f1", "f1", "exact_match") if test.get(name)}
    return {**found, "low": test["accuracy"]["low"], "high": test["accuracy"]["high"]}


def spread(values, digits=1):
    values = [100 * value for value in values]
    if not values:
        return "–"
    deviation = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{deviation}"


def interval(differences):
    """The mean with its 95 % interval by Student's t over the seeds, in points."""
    t = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26]
    values = [100 * value for value in differences]
    if len(values) < 2:
        return "–"
    mean, half = statistics.mean(values), t[len(values) - 2] * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"


def lines_of(**wanted):
    return [line for line in results().values() if all(line.get(name) == value for name, value in wanted.items())]


def tasks_table():
    print("| task | seeds | pretrained model | plain fine-tuning | PET, ensemble | PET, distilled |")
    print("| --- | --- | --- | --- | --- | --- |")
    for task in FIVE:
        if lines := lines_of(task=task):
            columns = [spread([line[stage] for line in lines]) for stage in ("supervised", "ensemble", "distilled")]
            print(f"| {task} | {len(lines)} | {100 * lines[0]['zero_shot_together']:.1f} | {' | '.join(columns)} |")


def precision_table():
    print("| task | seeds | stage | float32 | bfloat16 | difference, 95 % interval |")
    print("| --- | --- | --- | --- | --- | --- |")
    for task, stage in itertools.product(["agnews", "trec", "subj"], ["ensemble", "distilled", "supervised"]):
        pairs = [
            (line, other)
            for line in lines_of(task=task, precision="float32")
            for other in lines_of(task=task, precision="bfloat16", seed=line["seed"])
        ]
        if pairs:
            columns = [spread([pair[side][stage] for pair in pairs]) for side in (0, 1)]
            difference = interval([other[stage] - line[stage] for line, other in pairs])
            print(f"| {task} | {len(pairs)} | {stage} | {' | '.join(columns)} | {difference} |")


def labels_table():
    print("| task | labelled rows | seeds | plain fine-tuning | PET, distilled | iPET, distilled |")
    print("| --- | --- | --- | --- | --- | --- |")
    for task, labels in itertools.product(FIVE, [0, 10, 32, 100]):
        pet, ipet = (lines_of(task=task, labels=labels, method=method) for method in ("pet", "ipet"))
        if pet or ipet:
            supervised = spread([line["supervised"] for line in pet])
            distilled = [spread([line["distilled"] for line in lines]) for lines in (pet, ipet)]
            print(f"| {task} | {labels} | {max(len(pet), len(ipet))} | {supervised} | {' | '.join(distilled)} |")


def fewglue_table():
    def cell(lines, stage):
        found = [line[stage] for line in lines if stage in line]
        if not found:
            return "–"
        names = [name for name in ("macro_f1", "f1", "exact_match") if name in found[0]]
        task = lines[0]["task"]
        shown = {"CB": ["macro_f1"], "MultiRC": ["exact_match", "f1"], "ReCoRD": ["macro_f1"]}.get(task, [])
        return " / ".join(spread([one[name] for one in found]) for name in ["accuracy"] + [n for n in shown if n in names])

    titles = ["pretrained model", "plain fine-tuning"] + [f"{m}, {s}" for m in ("PET", "iPET") for s in ("ensemble", "distilled")]
    print(f"| task | test rows | their ± | seeds | most frequent label | {' | '.join(titles)} | minutes of PET, iPET | memory |")
    print("| --- " * 13 + "|")
    for task in FEWGLUE:
        pet, ipet = (lines_of(task=task, method=method) for method in ("pet", "ipet"))
        if not pet:
            continue
        majority = f"{100 * pet[0]['majority']:.1f}" if "majority" in pet[0] else "–"
        minutes = [f"{statistics.mean(line['job_seconds'] for line in lines) / 60:.1f}" if lines else "–" for lines in (pet, ipet)]
        memory = max(line["peak_memory_mb"] for line in pet + ipet)
        # The seed does not matter to a model that learns nothing.
        columns = [cell(pet[:1], "zero_shot_together"), cell(pet, "supervised")]
        columns += [cell(lines, stage) for lines in (pet, ipet) for stage in ("ensemble", "distilled")]
        rows = pet[0]["rows"]["test"]["rows"]
        # Half of the 95 % interval of an accuracy that these test rows leave.
        found = [line[stage] for line in pet + ipet for stage in ("supervised", "ensemble", "distilled") if stage in line]
        half = statistics.mean(50 * (one["high"] - one["low"]) for one in found)
        print(f"| {task} | {rows:,} | {half:.0f} | {len(pet)} | {majority} | {' | '.join(columns)} | {', '.join(minutes)} | {memory} MB |")


known = results()
with args.out.open("a") as out:
    for cell in grid():
        if key(cell) not in known:
            line = train(cell)
            out.write(json.dumps(line) + "\n")
            out.flush()
            print(json.dumps({name: line[name] for name in [*cell, "seconds"]}), flush=True)
{"tasks": tasks_table, "precision": precision_table, "labels": labels_table, "fewglue": fewglue_table}[args.table]()
