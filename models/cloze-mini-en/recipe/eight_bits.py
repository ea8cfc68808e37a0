"""Stores the weights of a model in 8 bits with a scale for every row, or widens them again to float16.

    python3 -m venv venv && venv/bin/pip install safetensors numpy
    venv/bin/python eight_bits.py model.safetensors narrow.safetensors
    venv/bin/python eight_bits.py --widen narrow.safetensors model.safetensors

A tensor of two dimensions NAME becomes whole numbers from -127 to 127, and NAME.scale has a float32 for each of its rows, the greatest of its absolute
values divided by 127: a weight is the product of both. Other tensors become float16, and so do those that 8 bits would change by more than 3 %. cloze reads such files; transformers reads
widened ones, beside a config.json without `quantization_config`.
"""

import argparse

import numpy
from safetensors.numpy import load_file, save_file

args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("input", help="a safetensors file")
args.add_argument("output", help="the file to write")
args.add_argument("--widen", action="store_true", help="to float16")
args = args.parse_args()

# Of the mean absolute weight; rows with single large weights exceed it.
LARGEST_ERROR = 0.03

tensors, out = load_file(args.input), {}
for name, tensor in tensors.items():
    if args.widen:
        if name.endswith(".scale"):
            continue
        scale = tensors.get(f"{name}.scale")
        out[name] = (tensor if scale is None else tensor.astype(numpy.float32) * scale[:, None]).astype(numpy.float16)
        continue
    out[name] = tensor.astype(numpy.float16)
    if tensor.ndim == 2:
        wide = tensor.astype(numpy.float32)
        scale = numpy.maximum(numpy.abs(wide).max(axis=1), 1e-12) / 127
        whole = numpy.rint(wide / scale[:, None])
        if numpy.abs(whole * scale[:, None] - wide).mean() < LARGEST_ERROR * numpy.abs(wide).mean():
            out[name], out[f"{name}.scale"] = whole.astype(numpy.int8), scale
save_file(out, args.output, metadata={"format": "pt"})
