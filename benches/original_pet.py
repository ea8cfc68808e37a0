"""Runs the authors' command line (timoschick/pet, unchanged) with unlabelled rows of their own, for benches/original.py.

Their reader of AG News takes the labelled file for the unlabelled one too; this registers one that reads `unlabeled.csv`. With
`--convert FROM TO` it writes a model directory as their version of transformers reads it instead; with `--predict MODEL ROWS` it
classifies the rows of a file with a trained model, and prints the accuracy.
"""

import json
import os
import sys


def convert(source, target):
    import torch
    from safetensors.numpy import load_file

    os.makedirs(target, exist_ok=True)
    stored = load_file(os.path.join(source, "model.safetensors"))
    weights = {}
    for name, array in stored.items():
        if name + ".scale" in stored:  # 8 bits, with a scale for every row
            array = array * stored[name + ".scale"][:, None]
        if not name.endswith(".scale"):
            weights[name] = torch.from_numpy(array.astype("float32"))
    torch.save(weights, os.path.join(target, "pytorch_model.bin"))
    with open(os.path.join(source, "tokenizer.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)["model"]["vocab"]
    with open(os.path.join(target, "vocab.txt"), "w", encoding="utf-8") as file:
        file.writelines(word + "\n" for word in sorted(vocabulary, key=vocabulary.get))
    for name in ("config.json", "tokenizer_config.json"):
        with open(os.path.join(source, name)) as file, open(os.path.join(target, name), "w") as copy:
            copy.write(file.read())


def predict(model, rows):
    sys.path.insert(0, os.environ["PET"])
    from pet import modeling, tasks
    from pet.wrapper import TransformerModelWrapper

    examples = tasks.PROCESSORS["agnews"]()._create_examples(rows, "test")
    config = modeling.EvalConfig.load(os.path.join(model, "eval_config.json"))
    found = modeling.evaluate(TransformerModelWrapper.from_pretrained(model), examples, config)
    print("\n" + json.dumps({"accuracy": found["scores"]["acc"]}))


def main():
    sys.path.insert(0, os.environ["PET"])
    import cli
    from pet import tasks

    class Agnews(tasks.PROCESSORS["agnews"]):
        def get_unlabeled_examples(self, data_dir):
            return self._create_examples(os.path.join(data_dir, "unlabeled.csv"), "unlabeled")

    tasks.PROCESSORS["agnews"] = Agnews
    cli.main()


if sys.argv[1] == "--convert":
    convert(*sys.argv[2:])
elif sys.argv[1] == "--predict":
    predict(*sys.argv[2:])
else:
    main()
