"""What a release says of itself and of its runs, as programs of others read it: the bill of materials, model cards, and what a run has cost.

    python scripts/release.py SBOM.json CLOZE RUN CARD.md...

The bill has to be valid CycloneDX and to name every crate that `cargo tree` finds in the command. Every card has to be one that the
Hugging Face hub understands; the command that uploads it, `hf upload` in docs/releasing.md, has to have the options that are named there.
The command CLOZE reports of RUN what it has cost, as if its energy had been measured, in a card that the hub understands as well and in a
table to which CodeCarbon appends.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from codecarbon.output_methods.emissions_data import EmissionsData
from codecarbon.output_methods.file import FileOutput
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from huggingface_hub import ModelCard

ROOT = Path(__file__).resolve().parent.parent


def check_bill(path: Path) -> None:
    text = path.read_text()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert error is None, error
    bill = json.loads(text)
    everything = [bill["metadata"]["component"], *bill["components"]]
    named = {(part["name"], part["version"]) for part in everything if "version" in part}
    tree = [os.environ.get("CARGO", "cargo"), "tree", "--locked", "--package", "cloze-cli", "--edges", "normal"]
    tree += ["--target", "x86_64-unknown-linux-gnu", "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(tree, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    linked = {(name, version) for name, version in re.findall(r"^(\S+) v(\S+)", "\n".join(lines), re.MULTILINE)}
    assert len(linked) > 100, "cargo tree has another form than expected"
    assert linked <= named, f"{path.name} lacks {sorted(linked - named)}"
    refs = {part["bom-ref"] for part in everything}
    used = {ref for part in bill["dependencies"] for ref in [part["ref"], *part["dependsOn"]]}
    assert used <= refs, f"{path.name} has no component {sorted(used - refs)}"
    without = [part["name"] for part in bill["components"] if "version" in part and not part["name"].startswith("cloze") and "hashes" not in part]
    assert not without, f"{path.name} has no checksum of {without}"
    print(f"{path.name}: valid, {len(named)} crates")


def check_card(path: Path) -> None:
    card = ModelCard.load(path)
    data = card.data
    for field in ["library_name", "license", "language", "base_model", "pipeline_tag"]:
        assert getattr(data, field), f"{path}: `{field}` is missing"
    figures = {result.metric_type: result.metric_value for result in data.eval_results or []}
    if data.pipeline_tag == "text-classification":
        assert data.model_name, f"{path}: `model-index` is missing"
        assert 0.0 < figures["accuracy"] <= 1.0 and 0.0 < figures["f1"] <= 1.0, figures
        # The same figure is in the text, for people.
        assert f"accuracy {100 * figures['accuracy']:.1f} %" in card.text, figures
    print(f"{path}: {data.library_name}, {data.license}, {data.base_model}, {figures}")


def check_upload() -> None:
    pages = (ROOT / "docs/releasing.md").read_text()
    uploads = re.findall(r"^hf upload (.*)$", pages, re.MULTILINE)
    assert uploads, "docs/releasing.md uploads nothing"
    hf = Path(sys.executable).parent / "hf"
    known = subprocess.run([hf, "upload", "--help"], check=True, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}).stdout
    for option in re.findall(r"--[a-z-]+", " ".join(uploads)):
        assert option in known, f"`hf upload` has no {option}:\n{known}"


def check_cost(cloze: Path, run: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / run.name
        shutil.copytree(run, copy)
        energy = json.loads((copy / "energy.json").read_text())
        del energy["checksum"]
        energy |= {"method": "rapl", "scope": "machine", "joules": 7200.0, "wall_seconds": 100.0}
        (copy / "energy.json").write_text(json.dumps(energy))
        report = lambda form, file: subprocess.run(
            [cloze, "report", copy, "--to", form, "--carbon-intensity", "250", "--output", Path(folder) / file], check=True, capture_output=True
        )
        report("card", "README.md")
        emissions = ModelCard.load(Path(folder) / "README.md").data.co2_eq_emissions
        assert emissions["emissions"] == 0.5 and emissions["training_type"] == "fine-tuning", emissions
        assert "250 g" in emissions["source"] and "core" in emissions["hardware_used"], emissions
        report("codecarbon", "emissions.csv")
        columns = [field.name for field in fields(EmissionsData)]
        read = lambda: list(csv.DictReader((Path(folder) / "emissions.csv").open(newline="")))
        (ours,) = read()
        assert list(ours) == columns, f"CodeCarbon has the columns {columns}"
        assert (ours["emissions"], ours["energy_consumed"], ours["duration"]) == ("0.0005", "0.002", "100"), ours
        # CodeCarbon appends to the table only if it takes it for its own.
        FileOutput("emissions.csv", folder).out(EmissionsData(**dict.fromkeys(columns, 1)), None)
        assert read() == [ours, dict.fromkeys(columns, "1")]
        print(f"what a run costs: {emissions}")


def main() -> None:
    bill, cloze, run, *cards = map(Path, sys.argv[1:])
    check_bill(bill)
    check_cost(cloze, run)
    for card in cards:
        check_card(card)
    check_upload()


if __name__ == "__main__":
    main()
