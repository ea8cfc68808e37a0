"""Trains the default model on one GPU for some minutes (PyTorch 2.11; a CPU is enough to try it out).

    python3 train.py --base BASE --data DATA --out OUT --minutes 5 --anchor 1 --tasks 1
    python3 train.py ... --variants "a: anchor=0, tasks=1; b: anchor=1, tasks=1" --minutes 0.75 --bits 8

BASE is all-MiniLM-L6-v2 (config.json, tokenizer.json, model.safetensors); DATA comes from pack.py. A step's loss has three parts:

    masked words   whole words of packed text, by default a fifth of them; sequences of 128 tokens
    anchor         1 - cosine between the mean-pooled states and those of the base, which are computed once: for the masked sequences (their goal is
                   that of the unmasked ones), for passages of 32 tokens from the beginning of a sentence, and with --anchor-tasks for the tasks
    tasks          cross-entropy over a cloze task's candidate words at its mask (tasks.py)

Products are in bfloat16; weights, sums and AdamW in float32; the learning rate falls with a cosine over the time. Writes OUT/NAME.log and the
weights in pieces of 16 MB (`cat NAME.*.piece > model.safetensors`): float16, or with --bits 8 a signed byte a weight and a scale a row.
"""

import argparse
import json
import lzma
import math
import multiprocessing.pool
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save

args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--base", required=True, type=pathlib.Path)
args.add_argument("--data", required=True, type=pathlib.Path)
args.add_argument("--out", required=True, type=pathlib.Path)
args.add_argument("--minutes", type=float, required=True, help="time of every variant")
args.add_argument("--anchor", type=float, default=1.0, help="weight of the anchor's loss")
args.add_argument("--tasks", type=float, default=1.0, help="weight of the tasks' loss")
args.add_argument("--variants", help="several trainings, one after another: 'NAME: anchor=A, tasks=T; ...'")
args.add_argument("--bits", type=int, default=16, choices=[16, 8], help="how weights are written")
args.add_argument("--device", default="cuda")
args.add_argument("--compile", action="store_true", help="compile a layer; takes some seconds")
args.add_argument("--graph", action="store_true", help="record a step as a CUDA graph")
args.add_argument("--goals", type=pathlib.Path, help="keep the anchor's goals in this file, or take them from there")
args.add_argument("--rates", default="0.2", help="how many of the words are masked; two shares: at first and at last")
args.add_argument("--anchor-tasks", action="store_true", help="anchor the tasks' texts too")
args.add_argument("--batch", type=int, default=512, help="sequences of text a step, and passages for the anchor")
args.add_argument("--task-batch", type=int, default=384)
args.add_argument("--lr", type=float, default=5e-4)
args.add_argument("--head-lr", type=float, default=1e-3)
args.add_argument("--warmup", type=float, default=0.05, help="part of the time")
args.add_argument("--head-first", action="store_true", help="let the encoder wait until its new head is warm")
args.add_argument("--seed", type=int, default=0)
args = args.parse_args()
rates = [float(rate) for rate in args.rates.split(",")]
if args.graph and len(rates) > 1:
    raise SystemExit("--graph: a recorded step masks as much at last as at first: give one rate")
args.out.mkdir(parents=True, exist_ok=True)
device = torch.device(args.device)
began = time.time()
logs = []


def say(**row):
    line = json.dumps({"s": round(time.time() - began, 1), **row})
    print(line, flush=True)
    logs.append(line)


# ---- data ----
def unpacked(path):
    return lzma.decompress(path.read_bytes())


def arrays(name):
    """The array that pack.py cut into pieces, put together."""
    shape = json.loads((args.data / f"{name}.json").read_text())
    with multiprocessing.pool.ThreadPool(16) as threads:
        whole = b"".join(threads.map(unpacked, sorted(args.data.glob(f"{name}.*.xz"))))
    return torch.from_numpy(np.frombuffer(bytearray(whole), dtype=shape["type"]).reshape(shape["shape"]).astype(shape["as"])).to(device)


CLS, SEP = 101, 102
config = json.loads((args.base / "config.json").read_text())
vocabulary = json.loads((args.base / "tokenizer.json").read_text())["model"]["vocab"]
mask_id, period = torch.tensor(vocabulary["[MASK]"], device=device), vocabulary["."]
size, layers, heads = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
inside = torch.zeros(config["vocab_size"], dtype=torch.bool)
special = torch.zeros_like(inside)
for word, id in vocabulary.items():
    inside[id] = word.startswith("##")
    special[id] = word.startswith("[") and word.endswith("]")
inside, special = inside.to(device), special.to(device)


def with_ends(body):
    end = lambda id: torch.full((len(body), 1), id, dtype=torch.long, device=device)
    return torch.cat([end(CLS), body.long() & 0xFFFF, end(SEP)], 1)


text = arrays("text")
held = with_ends(text[:1000])
text = text[1000:]
tasks = {name: arrays(f"tasks-{name}") for name in ("ids", "position", "candidates", "target", "sort")}
held_tasks = {name: value[:4000] for name, value in tasks.items()}
tasks = {name: value[4000:] for name, value in tasks.items()}
say(sequences=len(text), tasks=len(tasks["target"]), device=str(device), torch=torch.__version__)


def passages(body):
    """Where a passage of 30 tokens begins: behind a period if one stands early enough, else anywhere."""
    generator = torch.Generator(device).manual_seed(3)
    starts = torch.empty(len(body), dtype=torch.long, device=device)
    for at in range(0, len(body), 20000):
        block = body[at : at + 20000]
        rank = torch.rand(block.shape, device=device, generator=generator)
        rank = rank + 10 * (block == period)
        starts[at : at + 20000] = rank[:, : 126 - 31].argmax(1) + 1
    return starts


starts = passages(text)


def short(rows):
    return with_ends(text[rows].gather(1, starts[rows, None] + torch.arange(30, device=device)))


# ---- model ----
def layer(x, keep, q, qb, k, kb, v, vb, o, ob, g1, b1, i, ib, d, db, g2, b2):
    """One BERT layer on states [N, L, H] in bfloat16."""
    half = x.dtype
    linear = lambda x, w, b: F.linear(x, w.to(half), b.to(half))
    split = lambda x: x.view(x.shape[0], x.shape[1], heads, size // heads).transpose(1, 2)
    seen = F.scaled_dot_product_attention(split(linear(x, q, qb)), split(linear(x, k, kb)), split(linear(x, v, vb)), attn_mask=keep)
    seen = seen.transpose(1, 2).reshape(x.shape)
    x = F.layer_norm((x + linear(seen, o, ob)).float(), (size,), g1, b1, 1e-12).to(half)
    inner = F.gelu(linear(x, i, ib))
    return F.layer_norm((x + linear(inner, d, db)).float(), (size,), g2, b2, 1e-12).to(half)


one_layer = torch.compile(layer, dynamic=False) if args.compile else layer
PLACES = [
    f"{part}.{kind}"
    for part in (
        "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
        "intermediate.dense", "output.dense", "output.LayerNorm",
    )
    for kind in ("weight", "bias")
]


def words_of(weights, ids):
    """Embeddings; by a selection whose gradient needs no sorting."""
    return weights["bert.embeddings.word_embeddings.weight"].index_select(0, ids.flatten()).view(*ids.shape, size)


def encode(weights, ids, keep=None):
    at = lambda name: weights[f"bert.{name}"]
    x = words_of(weights, ids) + at("embeddings.position_embeddings.weight")[: ids.shape[1]]
    x = x + at("embeddings.token_type_embeddings.weight")[0]
    x = F.layer_norm(x, (size,), at("embeddings.LayerNorm.weight"), at("embeddings.LayerNorm.bias"), 1e-12).bfloat16()
    for number in range(layers):
        x = (one_layer if torch.is_grad_enabled() else layer)(x, keep, *(at(f"encoder.layer.{number}.{place}") for place in PLACES))
    return x


def transform(weights, x):
    at = lambda name: weights[f"cls.predictions.{name}"]
    x = F.gelu(F.linear(x, at("transform.dense.weight").bfloat16(), at("transform.dense.bias").bfloat16()))
    return F.layer_norm(x.float(), (size,), at("transform.LayerNorm.weight"), at("transform.LayerNorm.bias"), 1e-12)


def fresh():
    """The base's weights and a head that begins as the identity."""
    torch.manual_seed(args.seed)
    stored = load_file(args.base / "model.safetensors")
    weights = {name if name.startswith("bert.") or name.startswith("cls.") else f"bert.{name}": value.float() for name, value in stored.items()}
    weights = {name: value for name, value in weights.items() if "pooler" not in name and "position_ids" not in name and "seq_relationship" not in name}
    if "cls.predictions.bias" not in weights:
        head = "cls.predictions.transform."
        weights[head + "dense.weight"] = torch.eye(size) + 0.01 * torch.randn(size, size)
        weights |= {head + "dense.bias": torch.zeros(size), head + "LayerNorm.weight": torch.ones(size), head + "LayerNorm.bias": torch.zeros(size)}
        weights["cls.predictions.bias"] = torch.zeros(config["vocab_size"])
    return {name: value.to(device) for name, value in weights.items()}


# ---- losses ----
def masked_words(weights, ids, rate, generator=None):
    """Loss, accuracy and states of sequences with whole words masked (80 % masked, 10 % another token, 10 % as they are)."""
    word = torch.cumsum(~inside[ids], 1)
    draw = torch.rand(ids.shape[0], ids.shape[1] + 1, device=device, generator=generator)
    chosen = (draw.gather(1, word) < rate) & ~special[ids]
    how = torch.rand(ids.shape, device=device, generator=generator)
    noise = torch.randint(1000, config["vocab_size"], ids.shape, device=device, generator=generator)
    noisy = torch.where(chosen & (how < 0.8), mask_id, torch.where(chosen & (how > 0.9), noise, ids))
    states = encode(weights, noisy)
    # A number of positions that does not depend on the draw, so that the GPU is never waited for.
    budget = min(ids.numel(), int(ids.numel() * rate * 1.08) + 64)
    order = torch.argsort(chosen.flatten().to(torch.int8), descending=True, stable=True)[:budget]
    counts = chosen.flatten().index_select(0, order).float()
    x = transform(weights, states.flatten(0, 1).index_select(0, order))
    logits = F.linear(x.bfloat16(), weights["bert.embeddings.word_embeddings.weight"].bfloat16(), weights["cls.predictions.bias"].bfloat16())
    wanted = ids.flatten().index_select(0, order)
    losses = F.cross_entropy(logits.float(), wanted, reduction="none")
    total = counts.sum().clamp(min=1)
    return (losses * counts).sum() / total, ((logits.argmax(-1) == wanted) * counts).sum() / total, states


def away(pooled, goal):
    return (1 - F.cosine_similarity(pooled, goal.float())).mean()


def pooled(states, ids):
    """The mean of a task's states without padding and mask."""
    counted = ((ids != 0) & (ids != mask_id)).float().unsqueeze(2)
    return (states.float() * counted).sum(1) / counted.sum(1)


def padded(weights, ids):
    keep = torch.zeros(ids.shape, device=device, dtype=torch.bfloat16).masked_fill(ids == 0, -30000.0)[:, None, None, :]
    return encode(weights, ids, keep.expand(-1, 1, ids.shape[1], -1))


def task_losses(weights, rows, of):
    ids, candidates, target = of["ids"][rows].long() & 0xFFFF, of["candidates"][rows].long(), of["target"][rows].long()
    states = padded(weights, ids)
    masks = torch.arange(len(ids), device=device) * ids.shape[1] + of["position"][rows].long()
    x = transform(weights, states.flatten(0, 1).index_select(0, masks))
    known = candidates.clamp(min=0)
    bias = weights["cls.predictions.bias"].index_select(0, known.flatten()).view(known.shape)
    logits = torch.einsum("nh,nkh->nk", x, words_of(weights, known)) + bias
    logits = logits.masked_fill(candidates < 0, -1e9)
    return F.cross_entropy(logits, target, reduction="none"), logits.argmax(1) == target, pooled(states, ids)


@torch.no_grad()
def evaluate(weights):
    generator = torch.Generator(device).manual_seed(7)
    found = [masked_words(weights, held[i : i + 250], 0.15, generator)[:2] for i in range(0, len(held), 250)]
    right = torch.cat([task_losses(weights, torch.arange(i, i + 500, device=device), held_tasks)[1] for i in range(0, len(held_tasks["target"]), 500)])
    kinds = [round(right[held_tasks["sort"] == kind].float().mean().item(), 3) for kind in held_tasks["sort"].unique()]
    mean = lambda values: round(sum(value.item() for value in values) / len(values), 4)
    close = mean([1 - away(encode(weights, short(rows)).float().mean(1), goals_short[rows]) for rows in torch.arange(min(2000, len(text)), device=device).split(500)])
    return dict(loss=mean([one[0] for one in found]), accuracy=mean([one[1] for one in found]), tasks=kinds, cosine=close)


base = fresh()
if args.goals and args.goals.exists():
    goals, goals_short, goals_tasks = torch.load(args.goals, map_location=device)
else:
    with torch.no_grad():
        every = lambda values, number: torch.arange(len(values), device=device).split(number)
        goals = torch.cat([encode(base, with_ends(text[rows])).float().mean(1).half() for rows in every(text, 2048)])
        goals_short = torch.cat([encode(base, short(rows)).float().mean(1).half() for rows in every(text, 4096)])
        blocks = [tasks["ids"][rows].long() & 0xFFFF for rows in every(tasks["ids"], 2048)]
        goals_tasks = torch.cat([pooled(padded(base, ids), ids).half() for ids in blocks])
        del blocks
    if args.goals:
        torch.save((goals, goals_short, goals_tasks), args.goals)
say(goals=len(goals))


# ---- training ----
def draw(count, number):
    return torch.randint(0, count, (number,), device=device)


def losses(weights, rows, rate, anchor, task_weight):
    """The losses of one step on these rows of text and on tasks drawn at random, and their weighted sum."""
    loss, accuracy, states = masked_words(weights, with_ends(text[rows]), rate)
    found = dict(total=loss, loss=loss, accuracy=accuracy)
    if task_weight:
        some = draw(len(tasks["target"]), args.task_batch)
        wrong, _, of_tasks = task_losses(weights, some, tasks)
        found["task"] = wrong.mean()
        found["total"] = found["total"] + task_weight * found["task"]
    if anchor:
        other = draw(len(text), args.batch)
        parts = [away(states.float().mean(1), goals[rows]), away(encode(weights, short(other)).float().mean(1), goals_short[other])]
        if task_weight and args.anchor_tasks:
            parts.append(away(of_tasks, goals_tasks[some]))
        found["anchor"] = sum(parts) / len(parts)
        found["total"] = found["total"] + anchor * found["anchor"]
    return found


def train(name, anchor, task_weight):
    torch.manual_seed(args.seed)
    on_gpu = device.type == "cuda"
    weights = {key: torch.nn.Parameter(value.clone()) for key, value in base.items()}
    head = [value for key, value in weights.items() if key.startswith("cls.")]
    rest = [value for key, value in weights.items() if not key.startswith("cls.")]
    groups = [dict(params=part, lr=torch.zeros((), device=device)) for part in (head, rest)]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01, fused=on_gpu, capturable=on_gpu)

    def one(rows, rate):
        found = losses(weights, rows, rate, anchor, task_weight)
        found["total"].backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0, foreach=True)
        optimizer.step()
        return {key: value.detach() for key, value in found.items()}

    order = torch.empty(0)

    def update(part):
        nonlocal order
        if len(order) < args.batch:
            order = torch.randperm(len(text), device=device)
        rows, order = order[: args.batch], order[args.batch :]
        optimizer.zero_grad(set_to_none=True)
        return one(rows, rates[0] + (rates[-1] - rates[0]) * part)

    say(name=name, step=0, held_out=evaluate(weights))
    if args.graph:
        # The whole step is recorded once and replayed, for a small model's kernels take less time than their launches. Its rows
        # are drawn within it, so with replacement.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                update(0)
        torch.cuda.current_stream().wait_stream(side)
        optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            recorded = one(draw(len(text), args.batch), rates[0])

        def update(part):
            graph.replay()
            return recorded

        say(name=name, recorded=True)
    start, step = time.time(), 0
    while (part := (time.time() - start) / 60 / args.minutes) < 1:
        cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part))
        for group, rate, begin in zip(optimizer.param_groups, [args.head_lr, args.lr], [0, args.warmup * args.head_first]):
            group["lr"].fill_(rate * cosine * min(1, max(0, part - begin) / args.warmup))
        told = update(part)
        step += 1
        if step % (500 if on_gpu else 2) == 0:
            told = {key: round(value.item(), 4) for key, value in told.items()}
            tokens = step * args.batch * 128
            say(name=name, step=step, tokens=tokens, per_s=round(tokens / (time.time() - start)), **told)
        elif on_gpu and step % 10 == 0:
            torch.cuda.synchronize()  # so that the time is that of what was computed and not of what was asked for
    say(name=name, step=step, tokens=step * args.batch * 128, held_out=evaluate(weights))
    blob = save(packed({key: value.detach().cpu() for key, value in weights.items()}), metadata={"format": "pt"})
    for piece in range(0, len(blob), 16_000_000):
        (args.out / f"{name}.{piece // 16_000_000:02}.piece").write_bytes(blob[piece : piece + 16_000_000])
    (args.out / f"{name}.log").write_text("\n".join(logs) + "\n")


def packed(weights):
    if args.bits == 16:
        return {name: value.half().contiguous() for name, value in weights.items()}
    found = {}
    for name, value in weights.items():
        if value.dim() < 2:
            found[name] = value.half()
        else:
            scale = value.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
            found[name], found[name + ".scale"] = (value / scale).round().to(torch.int8), scale
    return found


if args.variants:
    for variant in args.variants.split(";"):
        name, options = variant.split(":")
        options = {key.strip(): float(value) for key, value in (option.split("=") for option in options.split(","))}
        train(name.strip(), options["anchor"], options["tasks"])
else:
    train("model", args.anchor, args.tasks)
