"""Times a whole run of PET, from files to a measured classifier, in cloze and in the authors' implementation.

    git clone https://github.com/timoschick/pet && git -C pet checkout 21d32de
    python3.8 -m venv pinned && pinned/bin/pip install torch==1.5.0 transformers==3.0.2 numpy==1.19.5 \\
        scikit-learn==0.23.2 jsonpickle==1.1 tqdm==4.48.1 six 'safetensors<0.5'
    python3.8 -m venv newer && newer/bin/pip install torch==2.4.1 transformers==3.0.2 'numpy<1.24' \\
        scikit-learn==0.23.2 jsonpickle==1.1 tqdm==4.48.1 six 'safetensors<0.5'
    cargo build --release
    python3 benches/original.py --pet pet --pinned pinned/bin/python --newer newer/bin/python --data DATA/agnews \\
        --out benches/results/original.jsonl

Same task (AG News, the paper's first patterns and its words), rows, model, batches, numbers of updates and learning rate on both
sides; the default model is converted to what the authors' version of transformers reads. `pinned` has the PyTorch that they ask
for, `newer` the last one for that Python. The runs take turns. Writes every run as a JSON line and prints the table of
benches/README.md. Run nothing else meanwhile: there are only so many cores.
"""

import argparse
import itertools
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

import pet_task
from machine import processor, timed

HERE = pathlib.Path(__file__).parent.resolve()
args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--pet", required=True, type=pathlib.Path, help="a checkout of the authors' implementation")
args.add_argument("--pinned", help="a Python with the PyTorch that it asks for")
args.add_argument("--newer", help="a Python with a newer PyTorch")
args.add_argument("--data", required=True, type=pathlib.Path, help="the folder with AG News")
args.add_argument("--cloze", default=HERE.parent / "target/release/cloze", type=pathlib.Path, help="the built command")
args.add_argument("--out", required=True, type=pathlib.Path, help="file for the raw results")
args.add_argument("--rounds", type=int, default=2)
pet_task.options(args)
args = args.parse_args()

work = pet_task.work(args)


def cloze(folder, precision):
    runs = folder / "runs"
    (folder / "task.toml").write_text(pet_task.task(work, precision))
    command = [args.cloze, "train", folder / "task.toml", "--data", folder / "cloze", "--runs", runs, "--threads", "2", "--json"]
    line, out = timed(command)
    found = json.loads(out.splitlines()[-1])["results"]
    shutil.rmtree(runs)
    return line | {
        "version": found["version"],
        "members": [member["test"]["accuracy"]["value"] for member in found["members"]],
        "classifier": found["distilled"]["test"]["accuracy"]["value"],
    }


def original(folder, python):
    output = folder / "output"
    line, _ = timed([*pet_task.original(python, folder, output, work), "--do_eval"], env=pet_task.environment(args.pet))
    accuracy = lambda place: json.loads((output / place / "results.json").read_text())["test_set_after_training"]["acc"]
    line |= {"members": [accuracy(f"p{pattern}-i0") for pattern in range(work["patterns"])], "classifier": accuracy("final/p0-i0")}
    shutil.rmtree(output)
    version = subprocess.run([python, "-c", "import torch; print(torch.__version__)"], check=True, capture_output=True, text=True)
    return line | {"version": version.stdout.strip()}


def table(lines):
    lines = [line for line in lines if line["work"] == work]
    print("| | time / cloze in float32 | / cloze in bfloat16 | memory, MB | test accuracy of the patterns | of the classifier |")
    print("| --- | --- | --- | --- | --- | --- |")
    for engine in ENGINES:
        if mine := [line for line in lines if line["engine"] == engine]:
            ratios = []
            for peer in ("cloze float32", "cloze bfloat16"):
                pairs = [a["seconds"] / b["seconds"] for a in mine for b in lines if (b["engine"], b["round"]) == (peer, a["round"])]
                spread = f" ({min(pairs):.1f}-{max(pairs):.1f})" if len(pairs) > 1 else ""
                ratios.append(f"{statistics.median(pairs):.1f}{spread}")
            memory = statistics.median(line["peak_memory_mb"] for line in mine)
            # Every run in turn: they differ by their random numbers.
            percent = lambda shares: ", ".join(f"{100 * share:.1f}" for share in shares)
            members = "; ".join(percent(line["members"]) for line in mine)
            accuracy = percent(line["classifier"] for line in mine)
            print(f"| {engine} | {' | '.join(ratios)} | {memory:.0f} | {members} | {accuracy} |")


ENGINES = {
    "original, pinned PyTorch": args.pinned and (lambda folder: original(folder, args.pinned)),
    "original, newer PyTorch": args.newer and (lambda folder: original(folder, args.newer)),
    "cloze float32": lambda folder: cloze(folder, "float32"),
    "cloze bfloat16": lambda folder: cloze(folder, "bfloat16"),
}
lines = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.exists() else []
with tempfile.TemporaryDirectory() as folder, args.out.open("a") as out:
    folder = pathlib.Path(folder)
    pet_task.prepare(args.data, folder, work)
    if converter := args.pinned or args.newer:
        pet_task.convert(converter, folder / "model")
    for number, engine in itertools.product(range(args.rounds), ENGINES):
        there = any((line["engine"], line["round"], line["work"]) == (engine, number, work) for line in lines)
        if ENGINES[engine] and not there:
            line = {"engine": engine, "round": number, "work": work, **ENGINES[engine](folder)}
            line |= {"processor": processor(), "cores": os.cpu_count()}
            lines.append(line)
            out.write(json.dumps(line) + "\n")
            out.flush()
            print(json.dumps(line), flush=True)
table(lines)
