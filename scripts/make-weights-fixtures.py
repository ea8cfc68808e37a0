"""Writes fixtures/weights: the same small tensors in every form in which PyTorch publishes weights.

    python3 scripts/make-weights-fixtures.py        a Python with scripts/parity-requirements.txt

All numbers are multiples of 1/8 below 16, which every type of float holds exactly.
"""

import collections
import os
import pathlib

import safetensors.torch
import torch

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "weights"


def numbers(*shape):
    count = torch.Size(shape).numel()
    return (torch.arange(count) * 7 % 255 - 127).reshape(shape) / 8


class Attack:
    """What a pickle can do to those who read it with Python."""

    def __reduce__(self):
        return os.system, ("touch /tmp/attacked",)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    words = numbers(5, 4)
    tensors = collections.OrderedDict(
        [
            ("bert.embeddings.position_ids", torch.arange(8).reshape(1, 8)),
            ("bert.embeddings.word_embeddings.weight", words),
            ("bert.embeddings.LayerNorm.gamma", numbers(4)),
            ("bert.embeddings.LayerNorm.beta", numbers(7)[3:]),
            ("bert.encoder.layer.0.attention.self.query.weight", numbers(3, 4).t()),
            ("bert.encoder.layer.0.output.dense.weight", numbers(4, 3, 2)[:, 1:, :]),
            ("cls.predictions.decoder.weight", words),
        ]
    )
    # What `state_dict` of a module leaves there.
    about = collections.OrderedDict([("", {"version": 1})])
    tensors._metadata = about

    def floats(dtype):
        # The decoder stays the storage of the word embeddings, views stay views.
        cast = {}
        for name, tensor in tensors.items():
            if not tensor.is_floating_point():
                cast[name] = tensor
            elif tensor is words:
                cast[name] = cast.get("bert.embeddings.word_embeddings.weight", words.to(dtype))
            else:
                storage = torch.tensor(tensor.untyped_storage(), dtype=torch.uint8).view(torch.float32).to(dtype)
                cast[name] = storage.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset())
        cast = collections.OrderedDict(cast)
        cast._metadata = about
        return cast

    plain = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    safetensors.torch.save_file(plain, FOLDER / "model.safetensors")
    names = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
    for dtype, name in names.items():
        torch.save(floats(dtype), FOLDER / f"zip-{name}.bin")
    for dtype in (torch.float32, torch.bfloat16):
        path = FOLDER / f"legacy-{names[dtype]}.bin"
        torch.save(floats(dtype), path, _use_new_zipfile_serialization=False)
    torch.save(tensors, FOLDER / "zip-protocol-4.bin", pickle_protocol=4)
    torch.save({"classifier.weight": torch.nn.Parameter(words)}, FOLDER / "zip-parameter.bin")
    torch.save({"words": words, "evil": Attack()}, FOLDER / "zip-attack.bin")
    torch.save({"words": words, "evil": Attack()}, FOLDER / "legacy-attack.bin", _use_new_zipfile_serialization=False)


main()
