"""Writes fixtures/explanations: integrated gradients of the small models in fixtures/encoder, computed by captum in float64.

    python3 scripts/make-explanation-fixtures.py        a Python with scripts/explanation-requirements.txt

A case is a sequence of token ids, a baseline in which every token but the special ones is the mask, and for a label of the
classifier the contribution of each token to its probability, by the midpoint rule.
"""

import json
import pathlib

import torch
from captum.attr import LayerIntegratedGradients
from safetensors import safe_open
from transformers import AutoModelForSequenceClassification

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
# Of the sequences in a folder: a short one, a longer one, a pair; each with a label and a number of steps.
CASES = [(0, 0, 8), (3, 1, 20), (2, 2, 8)]


def classifier(folder, index):
    """The encoder with the head that the folder's goldens were made with."""
    head = index["classifier"]
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=head["num_labels"]).double().eval()
    parameters = dict(model.named_parameters())
    with safe_open(folder / "classifier.safetensors", "pt") as tensors, torch.no_grad():
        for name in head["head_parameters"]:
            parameters[name].copy_(tensors.get_tensor(f"weight/{name}"))
    return model


def cases(folder):
    index = json.loads((folder / "index.json").read_text())
    model = classifier(folder, index)
    with safe_open(folder / "goldens.safetensors", "pt") as tensors:
        all_ids, all_types = (tensors.get_tensor(name).long() for name in ("input_ids", "token_type_ids"))
    special = index["special_ids"]

    def probabilities(ids, types):
        more = {"token_type_ids": types} if index["token_type_ids_are_fed"] else {}
        return model(input_ids=ids, **more).logits.softmax(-1)

    words = model.get_input_embeddings()
    for sequence, label, steps in CASES:
        length = index["lengths"][sequence]
        ids, types = all_ids[sequence : sequence + 1, :length], all_types[sequence : sequence + 1, :length]
        kept = (ids == special["cls"]) | (ids == special["sep"])
        baseline = torch.where(kept, ids, special["mask"])
        found, delta = LayerIntegratedGradients(probabilities, words).attribute(
            ids,
            baselines=baseline,
            target=label,
            additional_forward_args=(types,),
            n_steps=steps,
            method="riemann_middle",
            return_convergence_delta=True,
        )
        yield {
            "model": folder.name,
            "label": label,
            "steps": steps,
            "ids": ids[0].tolist(),
            "type_ids": types[0].tolist(),
            "baseline": baseline[0].tolist(),
            "probability": probabilities(ids, types)[0, label].item(),
            "baseline_probability": probabilities(baseline, types)[0, label].item(),
            "tokens": found.sum(-1)[0].tolist(),
            "gap": delta.item(),
        }


def main():
    torch.manual_seed(0)
    folders = sorted(path for path in (FIXTURES / "encoder").iterdir() if path.is_dir())
    found = [case for folder in folders for case in cases(folder)]
    (FIXTURES / "explanations").mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(case) for case in found)
    (FIXTURES / "explanations" / "integrated-gradients.json").write_text(f"[\n{lines}\n]\n")


main()
