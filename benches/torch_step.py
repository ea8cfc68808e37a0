"""Times the step of `cloze-bench` in PyTorch and prints one JSON line with the same fields.

The same work: a BERT or ALBERT masked language model with random weights, 15 % of the tokens masked, the loss over those
tokens only (transformers by itself would compute the vocabulary at every position), AdamW in one fused pass.
"""

import argparse
import json
import os
import resource
import time

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--model", default="minilm", choices=["mini", "minilm", "base", "albert"])
args.add_argument("--mode", default="train", choices=["fwd", "train"])
args.add_argument("--batch", type=int, default=8)
args.add_argument("--seq", type=int, default=128)
args.add_argument("--dtype", default="f32", choices=["f32", "bf16"], help="bf16 is autocast")
args.add_argument("--dropout", type=float, default=0.1)
args.add_argument("--threads", type=int, default=2)
args.add_argument("--budget", type=float, default=10.0, help="seconds to measure for")
args = args.parse_args()

os.environ.update(OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads), HF_HUB_OFFLINE="1")

import torch  # noqa: E402: the number of threads is read when it is loaded
from transformers import AlbertConfig, AlbertForMaskedLM, BertConfig, BertForMaskedLM  # noqa: E402

MASK = 103
SIZES = {"mini": (4, 256, 4), "minilm": (6, 384, 12), "base": (12, 768, 12), "albert": (12, 768, 12)}
LAYERS, HIDDEN, HEADS = SIZES[args.model]

torch.set_num_threads(args.threads)
torch.manual_seed(1)
shape = dict(
    hidden_size=HIDDEN,
    num_hidden_layers=LAYERS,
    num_attention_heads=HEADS,
    intermediate_size=4 * HIDDEN,
    hidden_dropout_prob=args.dropout,
    attention_probs_dropout_prob=args.dropout,
)
if args.model == "albert":
    config = AlbertConfig(vocab_size=30000, embedding_size=128, **shape)
    model = AlbertForMaskedLM(config)
    encoder, head = model.albert, model.predictions
else:
    config = BertConfig(vocab_size=30522, **shape)
    model = BertForMaskedLM(config)
    encoder, head = model.bert, model.cls
model.train(args.mode == "train")
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)

ids = torch.randint(5, config.vocab_size, (args.batch, args.seq))
hidden_per_sequence = max(1, args.seq * 15 // 100)
places = torch.stack([torch.randperm(args.seq)[:hidden_per_sequence] for _ in range(args.batch)])
targets = ids.gather(1, places).reshape(-1)
ids = ids.scatter(1, places, MASK)
rows = (places + torch.arange(args.batch)[:, None] * args.seq).reshape(-1)
attend = torch.ones_like(ids)


def loss():
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.dtype == "bf16"):
        states = encoder(input_ids=ids, attention_mask=attend).last_hidden_state
        logits = head(states.reshape(-1, HIDDEN)[rows])
    return torch.nn.functional.cross_entropy(logits.float(), targets)


def step():
    if args.mode == "fwd":
        with torch.no_grad():
            return loss().item()
    value = loss()
    value.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return value.item()


first = step()
for _ in range(2):
    step()
ms, begin = [], time.perf_counter()
while time.perf_counter() - begin < args.budget or len(ms) < 5:
    start = time.perf_counter()
    last = step()
    ms.append((time.perf_counter() - start) * 1e3)
tokens = args.batch * args.seq * len(ms)
print(
    json.dumps(
        {
            "engine": "torch",
            "version": torch.__version__,
            "model": args.model,
            "mode": args.mode,
            "dtype": args.dtype,
            "head": "masked",
            "dropout": args.dropout,
            "batch": args.batch,
            "seq": args.seq,
            "threads": args.threads,
            "n": len(ms),
            "ms": sorted(ms)[len(ms) // 2],
            "ms_min": min(ms),
            "ms_max": max(ms),
            "tokens_per_second": tokens / (sum(ms) / 1e3),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "loss0": first,
            "loss": last,
        }
    )
)
