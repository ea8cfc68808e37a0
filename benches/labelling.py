"""How many labels `cloze label` needs: texts chosen by what its committee says against texts drawn at random.

    cargo build --release -p cloze-bench
    python3 benches/labelling.py --data DATA --out benches/results/labelling.jsonl

DATA has a folder per set with pool.csv and test.csv. Somebody is simulated who labels 200 of 2,000 texts of the pool one by one and is always right;
accuracy is measured on 1,000 test rows after every five labels, over five seeds, which change the order of the texts. Of the final accuracy, that of
200 labels drawn at random, the table says after how many labels a share of it is reached. With --table nothing is run.
"""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).parent.resolve()
args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--data", type=pathlib.Path, help="the folder with the data sets")
args.add_argument("--sets", default="clinc-domains,trec,agnews", help="these sets, separated by commas")
args.add_argument("--program", default=HERE.parent / "target/release/labelling", help="the built simulation")
args.add_argument("--model", default=HERE.parent / "models/cloze-mini-en", help="the model's directory")
args.add_argument("--seeds", default="5")
args.add_argument("--share", default=0.8, type=float, help="the share of the final accuracy that has to be reached")
args.add_argument("--table", action="store_true", help="run nothing, only print the table")
args.add_argument("--out", required=True, type=pathlib.Path, help="file for the raw results")
args = args.parse_args()

if not args.table:
    command = [args.program, "--data", args.data, "--sets", args.sets, "--model", args.model, "--seeds", args.seeds]
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    args.out.write_text(done.stdout)

curves = collections.defaultdict(dict)
for line in map(json.loads, args.out.read_text().splitlines()):
    curves[line["set"], line["order"]][line["seed"]] = {int(labels): value for labels, value in line["curve"].items()}


def needed(curve, goal):
    """The first number of labels from which on accuracy is not below the goal at two measurements in a row."""
    points = sorted(curve)
    for place, labels in enumerate(points):
        if all(curve[point] >= goal for point in points[place : place + 2]):
            return labels
    return points[-1]


sets = list(dict.fromkeys(name for name, _ in curves))
orders = [order for order in dict.fromkeys(order for _, order in curves) if order != "random"]
print(f"\n| set | accuracy with {max(next(iter(curves[sets[0], 'random'].values())))} labels at random | labels for {args.share:.0%} of it, at random |", end="")
print("".join(f" {order} | fewer |" for order in orders))
print("| --- | --- | --- |" + " --- | --- |" * len(orders))
ratios = collections.defaultdict(list)
for name in sets:
    random = curves[name, "random"]
    final = statistics.mean(curve[max(curve)] for curve in random.values())
    goal = args.share * final
    base = statistics.mean(needed(curve, goal) for curve in random.values())
    cells = []
    for order in orders:
        mine = statistics.mean(needed(curve, goal) for curve in curves[name, order].values())
        ratios[order].append(mine / base if base else 1)
        at = statistics.mean(curve[100] for curve in curves[name, order].values())
        cells.append(f"{mine:.0f} ({at:.1%} after 100) | {1 - mine / base if base else 0:.0%} |")
    at = statistics.mean(curve[100] for curve in random.values())
    print(f"| {name} | {final:.1%} | {base:.0f} ({at:.1%} after 100) | {' '.join(cells)}")
for order in orders:
    print(f"\n{order}: {1 - statistics.mean(ratios[order]):.0%} fewer labels on average")
