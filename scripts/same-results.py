"""Whether two builds of the command compute the same bits: runs of every kind, small ones, with both.

    python3 scripts/same-results.py OLD NEW [KIND ...]

For a change that is not meant to change a result. OLD and NEW are the commands; both have to run on this processor. Compared are all
files of both runs but what says when, where and by which version something was done, and what is said in words: models, scores and soft
labels by their bytes, results.json without its ids, titles and notes. A file that only NEW writes is named. Exits with 1 if anything differs.
"""

import csv
import hashlib
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

FORMAT = "format = 1\n"
DATA = '[data]\ntrain = "train.jsonl"\nunlabeled = "unlabeled.jsonl"\ntest = "test.jsonl"\nlabel = "label"\n'
LABELS = '[labels]\nbilling = ["invoice", "payment"]\ntechnical = ["bug", "problem"]\nother = "question"\n'
# As short as it can be with everything still taking part.
SHORT = "[train]\nsteps = 4\nmax_length = 48\n"
DISTIL = "[distil]\nsteps = 4\n"
TOPIC = 'patterns = ["{text} This is about {mask}.", "{mask}: {text}"]\n'

SINGLE = FORMAT + TOPIC + DATA + LABELS
PAIR = FORMAT + 'patterns = ["{text} {sep} {mask}, {reply}", "{text}? {mask}. {reply}"]\n' + DATA + 'mirror = ["text", "reply"]\n' + LABELS
SEVERAL = FORMAT + 'patterns = ["{text} Is this about {topic}? {mask}."]\n' + DATA.replace('"label"', '"labels"')
SEVERAL += '[multi_label]\ntopics = { billing = "invoices", technical = "something broken" }\n[labels]\nyes = "Yes"\nno = "No"\n'
CHOICES = FORMAT + 'patterns = ["{text} It was {mask} who wrote."]\n' + DATA.replace('unlabeled = "unlabeled.jsonl"\n', "")
CHOICES = CHOICES.replace('"label"', '"who"') + '[choices]\nfrom = "people"\n'
WRITES = FORMAT + 'patterns = ["{text} It was {mask} who wrote."]\n' + DATA.replace('"label"', '"right"')
WRITES += '[labels]\nno = []\nyes = "{one}"\n'
MASKS = SINGLE.replace('"question"', '"rock climbing"')

# The task file, the command, and what is said after the file.
KINDS = {
    "single label": (SINGLE + SHORT + DISTIL, "train", []),
    "float32": (SINGLE + SHORT + 'precision = "float32"\n' + DISTIL, "train", []),
    "pair": (PAIR + SHORT + DISTIL, "train", []),
    "several labels": (SEVERAL + SHORT + DISTIL, "train", []),
    "choices": (CHOICES + SHORT, "train", []),
    "free text": (WRITES + SHORT + DISTIL, "train", []),
    "several masks": (MASKS + SHORT + DISTIL, "train", []),
    "iPET": (SINGLE + SHORT + 'method = "ipet"\n' + DISTIL, "train", []),
    "no labels": (SINGLE.replace('train = "train.jsonl"\n', "") + SHORT + DISTIL, "train", []),
    "words found": (FORMAT + 'words = "auto"\nlabels = ["billing", "technical", "other"]\n' + TOPIC + DATA + SHORT + DISTIL, "train", []),
    "everything": (SINGLE + SHORT + 'seeds = [1, 2]\ncompare = true\npriming = 2\nlm_weight = 0.1\n' + DISTIL, "train", []),
    "paper": (SINGLE + SHORT + 'preset = "paper"\n' + DISTIL, "train", []),
    "study": (SINGLE + SHORT + DISTIL, "study", ["--factors", "patterns,merge,calibration", "--seeds", "1"]),
}

TEXTS = {
    "billing": ["the invoice for {0} is wrong", "I paid {0} twice, please pay me back", "why does {0} cost more this month"],
    "technical": ["{0} stops when I open it", "an error comes up whenever I save {0}", "{0} does not start since the update"],
    "other": ["when do you open on {0}", "who can tell me more of {0}", "where do I find {0} on the map"],
}
THINGS = ["the app", "my account", "the printer", "Monday", "the order", "a ticket", "the old plan", "that page", "the form"]


def rows(generator, count):
    for _ in range(count):
        label = generator.choice(sorted(TEXTS))
        thing, people = generator.choice(THINGS), generator.sample(["the cook", "a guest", "the driver", "a nurse"], 3)
        labels = sorted({label, generator.choice(["billing", "technical"])} - {"other"})
        row = {"text": generator.choice(TEXTS[label]).format(thing) + generator.choice(["", "!", " today"]), "label": label}
        row |= {"reply": f"we look at {thing}", "labels": labels, "people": json.dumps(people), "who": people[0], "one": people[0]}
        yield row | {"text": f"{people[0]} wrote: {row['text']}", "right": generator.choice(["yes", "no"])}


def write(folder):
    generator = random.Random(7)
    for file, count in (("train", 16), ("unlabeled", 40), ("test", 30)):
        lines = [json.dumps(row) for row in rows(generator, count)]
        (folder / f"{file}.jsonl").write_text("\n".join([*lines, ""]))


WHEN_AND_WHERE = {"id", "checksum", "version", "seconds", "run_seconds", "setting_seconds", "format", "run"}
IN_WORDS = {"notes", "setting", "title", "conclusions", "overview", "question", "against"}


def plain(value):
    """Without what is not a result."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key not in WHEN_AND_WHERE | IN_WORDS}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def contents(path):
    """A file's bytes, without what is not a result."""
    if path.suffix == ".json":
        return json.dumps(plain(json.loads(path.read_text()))).encode()
    if path.suffix == ".csv" and path.read_text().startswith("setting,"):
        with open(path, newline="") as file:
            return json.dumps(plain(list(csv.DictReader(file)))).encode()
    return path.read_bytes()


def outcome(command, kind, folder):
    """What a run leaves, by the name of the file."""
    task, verb, options = KINDS[kind]
    write(folder)
    (folder / "task.toml").write_text(task)
    done = subprocess.run([command, verb, "task.toml", *options], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command}, {kind}: {done.stderr}")
    found = {}
    for path in sorted(folder.rglob("*/**/*")):
        # The names of runs and studies end with their ids.
        name = "/".join(re.sub("-[0-9a-f]{8}$", "", part) for part in path.relative_to(folder).parts)
        if not path.is_file() or path.suffix in (".toml", ".html", ".md", ".svg") or path.name in ("cost.json", "energy.json", "events.jsonl", "job.json", "lock") or path.parent.name == "events":
            continue
        found.setdefault(name, []).append(hashlib.sha256(contents(path)).hexdigest())
    if not found:
        raise SystemExit(f"{command}, {kind}: nothing is left of the run")
    return {name: sorted(hashes) for name, hashes in found.items()}


def main():
    if len(sys.argv) < 3 or (unknown := set(sys.argv[3:]) - set(KINDS)):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}" if len(sys.argv) > 3 else __doc__)
    differences = 0
    for kind in sys.argv[3:] or KINDS:
        sides = []
        for command in sys.argv[1:3]:
            with tempfile.TemporaryDirectory() as folder:
                sides.append(outcome(pathlib.Path(command).resolve(), kind, pathlib.Path(folder)))
        old, new = sides
        different = sorted(name for name in old if old[name] != new.get(name))
        more = sorted(new.keys() - old.keys())
        said = f"{len(old)} files are the same" if not different else ", ".join(different) + " differ"
        print(f"{kind}: {said}{'; new: ' + ', '.join(more) if more else ''}", flush=True)
        differences += len(different)
    sys.exit(differences > 0)


main()
