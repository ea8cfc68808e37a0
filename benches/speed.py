"""Measures the encoder beside PyTorch: the runs take turns, and the ratio of every pair is kept.

    cargo build --release -p cloze-bench -p cloze-cli
    python3 benches/speed.py --python PYTHON_WITH_TORCH --out benches/results/NAME.jsonl

Writes every run as a JSON line and prints the table of benches/README.md. Two baselines: `stock` is PyTorch as pip
installs it; `tuned` has MKL's AVX-512 kernels forced (on AMD processors it would take AVX2 ones) and an allocator
that keeps its memory and uses huge pages. Run nothing else meanwhile: there are only so many cores.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from machine import processor, spread

HERE = pathlib.Path(__file__).parent
args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--python", default="python3", help="a Python with torch and transformers")
args.add_argument("--bench", default=HERE.parent / "target/release/cloze-bench", help="the built cloze-bench")
args.add_argument("--cloze", default=HERE.parent / "target/release/cloze", help="the built command")
args.add_argument("--out", required=True, type=pathlib.Path, help="file for the raw results")
args.add_argument("--pairs", type=int, default=5, help="rounds of every row")
args.add_argument("--budget", type=float, default=5.0, help="seconds of every run")
args.add_argument("--only", default="", help="rows whose name contains this")
args = args.parse_args()

# What tells MKL that the processor is Intel's, whatever it is.
SHIM = "int mkl_serv_intel_cpu_true(void) { return 1; }\nint mkl_serv_intel_cpu(void) { return 1; }\n"
TUNABLES = {
    "glibc.malloc.hugetlb": "1",
    "glibc.malloc.mmap_threshold": str(1 << 30),
    "glibc.malloc.trim_threshold": str((1 << 31) - 1),
}

# PyTorch's own bf16 kernels end with an illegal instruction on some processors with AMX; these are the next ones.
WITHOUT_AMX = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}

ROWS = [
    ("minilm train 16x64", dict(model="minilm", mode="train", batch=16, seq=64)),
    ("minilm train 8x128", dict(model="minilm", mode="train", batch=8, seq=128)),
    ("base train 8x128", dict(model="base", mode="train", batch=8, seq=128)),
    ("albert train 8x128", dict(model="albert", mode="train", batch=8, seq=128)),
    ("minilm train 16x64 without dropout", dict(model="minilm", mode="train", batch=16, seq=64, dropout=0)),
    ("base train 8x128 bf16", dict(model="base", mode="train", batch=8, seq=128, dtype="bf16")),
    ("albert train 8x128 bf16", dict(model="albert", mode="train", batch=8, seq=128, dtype="bf16")),
    ("minilm forward 16x64", dict(model="minilm", mode="fwd", batch=16, seq=64)),
    ("minilm train 16x64 bf16", dict(model="minilm", mode="train", batch=16, seq=64, dtype="bf16")),
    ("minilm forward 16x64 bf16", dict(model="minilm", mode="fwd", batch=16, seq=64, dtype="bf16")),
    ("base forward 8x128", dict(model="base", mode="fwd", batch=8, seq=128)),
]
# Token counts of news items in the order of the file, and the same number of tokens in equal sequences.
LENGTHS = HERE / "agnews-lengths.txt"
RAGGED = dict(model="minilm", mode="train", batch=16)


def run(command, env=None):
    done = subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def torch(command, env):
    """A run of PyTorch, with other kernels if its own do not run on this processor; the result says so."""
    try:
        return run(command, env)
    except subprocess.CalledProcessError as error:
        if error.returncode >= 0:
            raise
        return {**run(command, {**env, **WITHOUT_AMX}), "environment": WITHOUT_AMX}


def options(work):
    return [part for key, value in work.items() for part in (f"--{key}", value)]


def engines(shim):
    tuned = dict(os.environ, LD_PRELOAD=shim, GLIBC_TUNABLES=":".join(f"{k}={v}" for k, v in TUNABLES.items()))
    budget = ["--budget", args.budget]
    return {
        "cloze": lambda work: run([args.bench, *options(work), *budget]),
        "stock": lambda work: torch([args.python, HERE / "torch_step.py", *options(work), *budget], dict(os.environ)),
        "tuned": lambda work: torch([args.python, HERE / "torch_step.py", *options(work), *budget], tuned),
    }


def ragged(out):
    """Tokens per second on batches of real lengths, as a share of those on equal lengths."""
    lengths = [int(line) for line in LENGTHS.read_text().split()]
    equal = round(statistics.mean(lengths))
    shares = []
    for pair in range(args.pairs):
        speeds = []
        for shape in ({"lengths": LENGTHS}, {"seq": equal}):
            result = run([args.bench, *options({**RAGGED, **shape}), "--budget", args.budget])
            out.write(json.dumps({"row": "ragged", "pair": pair, "build": "cloze", **result}) + "\n")
            speeds.append(result["tokens_per_second"])
        shares.append(speeds[0] / speeds[1])
    print(f"\nTokens per second on ragged rows ({equal} tokens on average) of those on equal ones: {spread(shares)}")


def annotation(out, shim):
    """Scoring one mask of every row against ten words: tokens per second, everybody with rows sorted by length."""
    tuned = dict(os.environ, LD_PRELOAD=shim, GLIBC_TUNABLES=":".join(f"{k}={v}" for k, v in TUNABLES.items()))
    peer = [args.python, HERE / "annotate.py", "--lengths", LENGTHS, "--budget", args.budget]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        lengths = sorted((int(line) for line in LENGTHS.read_text().split()), reverse=True)
        file.write("\n".join(map(str, lengths)))
        file.flush()
        own = dict(model="minilm", mode="fwd", head="words", batch=32, lengths=file.name, budget=args.budget)
        runs = {
            "cloze": lambda: run([args.bench, *options(own)]),
            "cloze bf16": lambda: run([args.bench, *options({**own, "dtype": "bf16"})]),
            "onnxruntime": lambda: run([*peer, "--engine", "onnx"]),
            "tuned": lambda: run([*peer, "--engine", "torch"], tuned),
        }
        found = {engine: [] for engine in runs}
        for pair in range(args.pairs):
            for engine, measure in runs.items():
                result = measure()
                out.write(json.dumps({"row": "annotation", "pair": pair, "build": engine, **result}) + "\n")
                out.flush()
                found[engine].append(result["tokens_per_second"])
    print("\nAnnotation (minilm, rows of agnews), tokens per second of cloze by those of the other:")
    for ours in ("cloze", "cloze bf16"):
        for other in ("onnxruntime", "tuned"):
            print(f"{ours} / {other}: {spread([a / b for a, b in zip(found[ours], found[other])])}")


def adapted(text, folder, steps):
    """Seconds of `cloze adapt` with so many updates of 32 sequences of 128 tokens."""
    output = folder / "adapted"
    sizes = dict(steps=steps, batch=32, length=128, **{"mask-rate": 0.15, "held-out": 0, "threads": 2})
    begin = time.monotonic()
    command = [args.cloze, "adapt", "cloze-mini-en", text, "-o", output, *options(sizes)]
    subprocess.run([str(part) for part in command], capture_output=True, check=True)
    seconds = time.monotonic() - begin
    shutil.rmtree(output)
    return seconds


def adaptation(out, shim):
    """`cloze adapt` and a training step of PyTorch in bfloat16 on sequences of the same size: tokens per second."""
    peers = {engine: measure for engine, measure in engines(shim).items() if engine != "cloze"}
    work = dict(model="minilm", mode="train", batch=32, seq=128, dtype="bf16")
    ratios = {engine: [] for engine in peers}
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / "text.txt"
        text.write_text("\n\n".join(path.read_text() for path in sorted((HERE.parent / "docs").rglob("*.md"))))
        for pair in range(args.pairs):
            # What both runs do besides is taken out.
            few, many = (adapted(text, pathlib.Path(folder), steps) for steps in (5, 35))
            own = 30 * 32 * 128 / (many - few)
            out.write(json.dumps({"row": "adapt", "pair": pair, "build": "cloze", "tokens_per_second": own}) + "\n")
            for engine, measure in peers.items():
                result = measure(work)
                out.write(json.dumps({"row": "adapt", "pair": pair, "build": engine, **result}) + "\n")
                out.flush()
                ratios[engine].append(own / result["tokens_per_second"])
    print("\n`cloze adapt`, 32 sequences of 128 tokens an update, tokens per second of cloze by those of PyTorch in bfloat16:")
    for engine, values in ratios.items():
        print(f"{engine}: {spread(values)}")


with tempfile.TemporaryDirectory() as folder, args.out.open("a") as out:
    source, shim = pathlib.Path(folder) / "shim.c", str(pathlib.Path(folder) / "shim.so")
    source.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)
    print(f"{processor()}, {os.cpu_count()} cores; median of {args.pairs} pairs (least-most)")
    print("| work | cloze ms | stock / cloze | tuned / cloze | memory, of stock |")
    print("| --- | --- | --- | --- | --- |")
    for name, work in ROWS:
        if args.only not in name:
            continue
        found = {engine: [] for engine in engines(shim)}
        for pair in range(args.pairs):
            for engine, measure in engines(shim).items():
                result = measure(work)
                out.write(json.dumps({"row": name, "pair": pair, "build": engine, **result}) + "\n")
                out.flush()
                found[engine].append(result)
        ms = {engine: [r["ms"] for r in results] for engine, results in found.items()}
        ratio = {e: spread([t / c for t, c in zip(ms[e], ms["cloze"])]) for e in ("stock", "tuned")}
        memory = statistics.median(c["rss_mb"] / s["rss_mb"] for c, s in zip(found["cloze"], found["stock"]))
        cloze = f"{statistics.median(ms['cloze']):.0f}"
        print(f"| {name} | {cloze} | {ratio['stock']} | {ratio['tuned']} | {memory:.2f} |", flush=True)
    if args.only in "ragged":
        ragged(out)
    if args.only in "annotation":
        annotation(out, shim)
    if args.only in "adapt":
        adaptation(out, shim)
