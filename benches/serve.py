"""Measures `cloze serve` beside the same classifier behind a Python server: requests a second and their times, at 1, 8 and 64 clients.

    cargo build --release
    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==4.57.6 onnx onnxruntime==1.32.0 fastapi uvicorn
    apt-get install wrk
    python3 benches/serve.py --python venv/bin/python --data DATA --out benches/results/serve.jsonl

Trains two classifiers on agnews (DATA/agnews as for peers.py), in float32 and in bfloat16, and serves each: with cloze, and in float32 also with PyTorch
and ONNX Runtime, in bfloat16 with PyTorch's autocast (`serve_peers.py`). wrk sends one news item a request, over so many connections, for some seconds; the
servers take turns, and the ratio of every round is kept. Run nothing else meanwhile: there are only so many cores, and the clients need some too.
"""

import argparse
import csv
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

from machine import processor, spread

HERE = pathlib.Path(__file__).parent.resolve()
args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--python", required=True, help="a Python with the packages above")
args.add_argument("--data", required=True, type=pathlib.Path, help="the folder with agnews")
args.add_argument("--cloze", default=HERE.parent / "target/release/cloze", help="the built command")
args.add_argument("--out", required=True, type=pathlib.Path, help="file for the raw results")
args.add_argument("--rounds", type=int, default=3, help="turns of every server")
args.add_argument("--seconds", type=int, default=8, help="how long each is measured")
args.add_argument("--clients", default="1,8,64", help="numbers of connections")
args = args.parse_args()

SCRIPT = """
local texts, number = {}, 0
for line in io.lines("%s") do texts[#texts + 1] = line end
function request()
  number = number %% #texts + 1
  return wrk.format("POST", "/predict", {["Content-Type"] = "application/json"}, texts[number])
end
done = function(summary, latency)
  local errors = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format("RESULT %%f %%f %%f %%d", summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors))
end
"""


def train(folder, precision):
    rows = list(csv.DictReader(open(args.data / "agnews" / "pool.csv", encoding="utf-8")))
    for name, some in ("labelled", rows[:40]), ("unlabeled", rows[40:540]):
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as out:
            table = csv.DictWriter(out, ["text", "label"])
            table.writeheader()
            for row in some:
                text = " ".join(row[column] for column in row if column != "label")
                table.writerow({"text": text, "label": row["label"] if name == "labelled" else ""})
    run = [args.cloze, "init", "labelled.csv", "--label", "label", "--unlabeled", "unlabeled.csv", "-o", f"{precision}.toml"]
    subprocess.run([str(part) for part in run], cwd=folder, check=True, capture_output=True)
    run = [args.cloze, "train", f"{precision}.toml", "--set", f"precision={precision}", "--json"]
    done = subprocess.run([str(part) for part in run], cwd=folder, check=True, capture_output=True, text=True)
    return folder / json.loads(done.stdout)["run"], [" ".join(row[column] for column in row if column != "label") for row in rows[540:1540]]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    def __init__(self, command, port):
        self.port = port
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        body = json.dumps({"inputs": "a text"}).encode()
        for _ in range(600):
            try:
                request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", body, {"Content-Type": "application/json"})
                urllib.request.urlopen(request).read()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{command} does not answer")

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024

    def stop(self):
        self.process.kill()
        self.process.wait()


def load(port, clients, script):
    command = ["wrk", "-t1", f"-c{clients}", f"-d{args.seconds}s", "--timeout", "30s", "-s", script, f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rate, median, worst, errors = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", done.stdout).groups()
    return {"requests_per_second": float(rate), "p50_ms": float(median), "p99_ms": float(worst), "errors": int(errors)}


with tempfile.TemporaryDirectory() as folder, args.out.open("a") as out:
    folder = pathlib.Path(folder)
    found = {}
    for precision, peers in ("float32", ["transformers", "onnx"]), ("bfloat16", ["transformers-bf16"]):
        run, texts = train(folder, precision)
        (folder / "texts.txt").write_text("".join(json.dumps({"inputs": text}) + "\n" for text in texts))
        script = folder / "load.lua"
        script.write_text(SCRIPT % (folder / "texts.txt"))
        for turn in range(args.rounds):
            for engine in ["cloze", *peers]:
                port = free_port()
                own = [args.cloze, "serve", run, "--listen", f"127.0.0.1:{port}", "--threads", 2]
                server = Server(own if engine == "cloze" else [args.python, HERE / "serve_peers.py", engine, run / "final", port], port)
                load(port, 4, script)
                for clients in map(int, args.clients.split(",")):
                    line = {"engine": engine, "precision": precision, "clients": clients, "round": turn, **load(port, clients, script)}
                    line |= {"peak_memory_mb": server.memory(), "processor": processor(), "cores": os.cpu_count()}
                    found[engine, precision, clients, turn] = line
                    out.write(json.dumps(line) + "\n")
                    out.flush()
                    print(json.dumps(line), flush=True)
                server.stop()
    print("| precision | clients | beside | requests a second, cloze / other | p50, ms: cloze, other | p99, ms | memory, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for engine, precision, clients in dict.fromkeys(key[:3] for key in found if key[0] != "cloze"):
        pairs = [(found["cloze", precision, clients, turn], found[engine, precision, clients, turn]) for turn in range(args.rounds)]
        ratio = spread([a["requests_per_second"] / b["requests_per_second"] for a, b in pairs])
        both = lambda name, form: ", ".join(format(statistics.median(pair[side][name] for pair in pairs), form) for side in (0, 1))
        print(f"| {precision} | {clients} | {engine} | {ratio} | {both('p50_ms', '.0f')} | {both('p99_ms', '.0f')} | {both('peak_memory_mb', '.0f')} |")
