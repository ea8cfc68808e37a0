"""The task that cloze and the authors' implementation of PET both do, for original.py and energy.py: AG News with the paper's first patterns
and its words, the same rows, model, batches, numbers of updates and learning rate."""

import csv
import itertools
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent.resolve()
LABELS = ["World", "Sports", "Business", "Sci/Tech"]
BATCH, RATE = 16, 1e-4
WORK = {
    "patterns": (3, "so many of the paper's six"),
    "rows": (500, "unlabelled rows, and test rows"),
    "length": (128, "tokens that rows are cut to, and padded to by the authors' code"),
    "steps": (50, "updates of every pattern's model"),
    "distil_steps": (200, "updates of the classifier"),
}


def options(parser):
    """Adds how much is to be done."""
    for name, (default, meaning) in WORK.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, help=meaning)


def work(args):
    return {name: getattr(args, name) for name in WORK}


def rows(data, name, limit):
    with open(data / f"{name}.csv", newline="", encoding="utf-8") as file:
        for row in itertools.islice(csv.DictReader(file), limit):
            yield [LABELS.index(row.get("label", "World")) + 1, row["title"], row["body"]]


def prepare(data, folder, work):
    """The same rows for both: the authors' reader wants no header."""
    for side, header in (("cloze", ["label", "title", "body"]), ("original", None)):
        (folder / side).mkdir()
        for name, source, limit in (("train", "labelled", None), ("unlabeled", "unlabeled", work["rows"]), ("test", "test", work["rows"])):
            with open(folder / side / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(([header] if header else []) + list(rows(data, source, limit)))


def task(work, precision):
    """The task file for cloze."""
    lines = (HERE.parent / "tasks/agnews-paper.toml").read_text().splitlines()
    first = lines.index("patterns = [") + 1
    last = lines.index("]", first)
    lines[first + work["patterns"] : last] = []
    options = dict(seeds=[0], steps=work["steps"], batch_size=BATCH, accumulation=1, learning_rate=RATE, max_length=work["length"])
    # The authors' code trains all weights, measures every model, and lets the classifier start from nothing but the language model.
    options |= dict(freeze=0, measure='"all"', precision=f'"{precision}"')
    keys = [f"{name} = {value}" for name, value in options.items()] + ["[distil]", 'start = "model"']
    keys += [f"steps = {work['distil_steps']}", f"batch_size = {BATCH}", f"learning_rate = {RATE}"]
    return "\n".join(lines + keys) + "\n"


def convert(python, target):
    """Writes the default model as the authors' version of transformers reads it."""
    subprocess.run([python, HERE / "original_pet.py", "--convert", HERE.parent / "models/cloze-mini-en", target], check=True)


def original(python, folder, output, work):
    """The command of the authors, which trains on the rows in `original` with the model in `model`."""
    command = [python, HERE / "original_pet.py", "--method", "pet", "--task_name", "agnews", "--data_dir", folder / "original"]
    command += ["--model_type", "bert", "--model_name_or_path", folder / "model", "--output_dir", output, "--do_train"]
    command += ["--pattern_ids", *range(work["patterns"]), "--pet_repetitions", 1, "--sc_repetitions", 1, "--learning_rate", RATE]
    for part, steps in (("pet", work["steps"]), ("sc", work["distil_steps"])):
        command += [f"--{part}_max_seq_length", work["length"], f"--{part}_max_steps", steps]
        command += [f"--{part}_per_gpu_train_batch_size", BATCH, f"--{part}_per_gpu_unlabeled_batch_size", BATCH]
        command += [f"--{part}_per_gpu_eval_batch_size", 32]
    return command


def environment(pet):
    """The environment that the authors' code, in the folder `pet`, runs in."""
    return dict(os.environ, PET=str(pet.resolve()), OMP_NUM_THREADS="2", MKL_NUM_THREADS="2")
