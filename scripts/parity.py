"""Compares what cloze has written down about its models with what Hugging Face transformers makes of them.

    cargo run -p cloze --example parity -- FOLDER
    python3 scripts/parity.py FOLDER            a Python with scripts/parity-requirements.txt

`cargo xtask test parity` does both. Token ids, type ids and labels must be equal, logits within TOLERANCE.
"""

import json
import os
import pathlib
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers

TOLERANCE = 1e-4
MODELS = {
    "classifier": transformers.AutoModelForSequenceClassification,
    "masked-lm": transformers.AutoModelForMaskedLM,
}


def logits_of(model, kind, encoded):
    with torch.no_grad():
        logits = model(**encoded).logits[0]
    if kind == "classifier":
        return logits
    masks = encoded["input_ids"][0] == model.mask_token_id
    return logits[masks.nonzero()[0, 0]]


def problems(expected):
    """What differs, one line each; and the largest difference between logits."""
    folder, kind = expected["model"], expected["kind"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model, loading = MODELS[kind].from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    model.eval()
    model.mask_token_id = tokenizer.mask_token_id
    found, largest = [], 0.0
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        # A masked language model has no use for the pooler that its file may carry for classifiers.
        keys = [str(key) for key in loading[what] if not (kind == "masked-lm" and ".pooler." in str(key))]
        if keys:
            found.append(f"{what} when loading: {sorted(keys)[:5]}")
    labels = [model.config.id2label[i] for i in range(len(expected["labels"]))]
    if labels != expected["labels"]:
        found.append(f"the labels are {labels}, expected {expected['labels']}")
    for item in expected["inputs"]:
        text = [item["a"]] if item["b"] is None else [item["a"], item["b"]]
        encoded = tokenizer(*text, return_tensors="pt")
        differing = [
            f"{text}: {name} {encoded[name][0].tolist()}, expected {item[key]}"
            for name, key in (("input_ids", "ids"), ("token_type_ids", "type_ids"))
            # Families without type ids are not fed any.
            if name in encoded and encoded[name][0].tolist() != item[key]
        ]
        found += differing
        # Of other tokens the logits have nothing to say.
        if not differing:
            got = logits_of(model, kind, encoded)
            largest = max(largest, (got - torch.tensor(item["logits"])).abs().max().item())
    if not largest <= TOLERANCE:
        found.append(f"logits differ by {largest:.1e}, more than {TOLERANCE}")
    return found, largest


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(2)
    folder = pathlib.Path(sys.argv[1])
    failed = False
    for expected in json.loads((folder / "expected.json").read_text()):
        found, largest = problems(expected)
        name = pathlib.Path(expected["model"])
        print(f"{expected['kind']} {name.name}: {len(expected['inputs'])} inputs, logits within {largest:.1e}")
        for problem in found:
            print(f"  {problem}")
        failed |= bool(found)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
