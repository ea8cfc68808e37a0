"""Times annotation in PyTorch or ONNX Runtime and prints one JSON line: one mask of every row against ten words.

The rows are sorted by length and padded to the longest of their batch; several batch sizes are tried, and the best one
counts. The head computes the ten words at the mask only, as cloze does.
"""

import argparse
import json
import os
import pathlib
import tempfile
import time

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--engine", required=True, choices=["torch", "onnx"])
args.add_argument("--lengths", required=True, type=pathlib.Path, help="a file with one sequence length per line")
args.add_argument("--threads", type=int, default=2)
args.add_argument("--budget", type=float, default=10.0, help="seconds to measure for, shared by the batch sizes")
args = args.parse_args()

os.environ.update(OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads), HF_HUB_OFFLINE="1")

import torch  # noqa: E402: the number of threads is read when it is loaded
from transformers import BertConfig, BertForMaskedLM  # noqa: E402

BATCHES = (8, 16, 32, 64)
WORDS = list(range(1000, 11000, 1000))
torch.set_num_threads(args.threads)
torch.manual_seed(1)
config = BertConfig(
    vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
)


class Annotator(torch.nn.Module):
    """The scores of ten words at the second token of every row."""

    def __init__(self):
        super().__init__()
        self.model = BertForMaskedLM(config)

    def forward(self, ids, attend):
        states = self.model.bert(input_ids=ids, attention_mask=attend).last_hidden_state
        inner = self.model.cls.predictions.transform(states[:, 1])
        decoder = self.model.cls.predictions.decoder
        return inner @ decoder.weight[WORDS].T + decoder.bias[WORDS]


annotator = Annotator().eval()
if args.engine == "torch":

    def run(ids, attend):
        with torch.no_grad():
            annotator(ids, attend)

    version = torch.__version__
else:
    import onnxruntime

    example = (torch.full((2, 16), 7), torch.ones((2, 16), dtype=torch.long))
    shape = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("tokens", min=2, max=512)}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(
            annotator, example, path, input_names=["ids", "attend"], dynamic_shapes=(shape, shape), verbose=False
        )
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = args.threads
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])

    def run(ids, attend):
        session.run(None, {"ids": ids.numpy(), "attend": attend.numpy()})

    version = onnxruntime.__version__

lengths = sorted((int(line) for line in args.lengths.read_text().split()), reverse=True)


def batches(size):
    for start in range(0, len(lengths), size):
        rows = lengths[start : start + size]
        ids, attend = torch.zeros((len(rows), rows[0]), dtype=torch.long), torch.zeros((len(rows), rows[0]), dtype=torch.long)
        for i, length in enumerate(rows):
            ids[i, :length] = torch.randint(5, config.vocab_size, (length,))
            attend[i, :length] = 1
        yield ids, attend


speeds = {}
for size in BATCHES:
    work = list(batches(size))
    for ids, attend in work[:2]:
        run(ids, attend)
    tokens, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < args.budget / len(BATCHES) or tokens < sum(lengths):
        for ids, attend in work:
            run(ids, attend)
            tokens += int(attend.sum())
    speeds[size] = tokens / (time.perf_counter() - begin)
best = max(speeds, key=speeds.get)
print(
    json.dumps(
        {
            "engine": args.engine,
            "version": version,
            "model": "minilm",
            "mode": "fwd",
            "dtype": "f32",
            "threads": args.threads,
            "batch": best,
            "tokens_per_second": speeds[best],
            "tokens_per_second_by_batch": speeds,
        }
    )
)
