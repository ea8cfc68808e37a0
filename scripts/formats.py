"""Parquet of pyarrow, DuckDB and polars, read by cloze; and Parquet and folders of parts of cloze, read by each of them. The guide's job for Kubernetes is
what its schema says.

Run by `cargo xtask test formats` as `formats.py CLOZE RUN FOLDER`, where CLOZE is the command, RUN a run that reads a column `text`
and FOLDER a folder to write to. `formats.py --fixture FILE` writes the file in fixtures/tables that has every type.
"""

import datetime as dt
import decimal
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import kubernetes_validate
import polars
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import yaml

UTC = dt.timezone.utc
TYPES = {
    "text": (pa.string(), "Müll, \"quoted\""),
    "large": (pa.large_string(), "large"),
    "view": (pa.string_view(), "view"),
    "category": (pa.dictionary(pa.int8(), pa.string()), "b"),
    "bytes": (pa.binary(), b"bytes"),
    "integer": (pa.int32(), -7),
    "unsigned": (pa.uint64(), 2**64 - 1),
    "float": (pa.float64(), 0.5),
    "single": (pa.float32(), 0.1),
    "flag": (pa.bool_(), True),
    "decimal": (pa.decimal128(9, 2), decimal.Decimal("12.30")),
    "day": (pa.date32(), dt.date(2024, 2, 29)),
    "moment": (pa.timestamp("us"), dt.datetime(2024, 2, 29, 12, 30, 0, 1)),
    "zoned": (pa.timestamp("ms", "UTC"), dt.datetime(2024, 2, 29, 11, 30, tzinfo=UTC)),
    "list": (pa.list_(pa.string()), ["a", "b"]),
    "struct": (pa.struct([("a", pa.int64()), ("b", pa.string())]), {"a": 1, "b": "x"}),
}

# What a row of them is as JSON.
SHOWN = {
    "text": "Müll, \"quoted\"", "large": "large", "view": "view", "category": "b", "bytes": "bytes", "integer": -7,
    "unsigned": 2**64 - 1, "float": 0.5, "single": 0.1, "flag": True, "decimal": "12.30", "day": "2024-02-29",
    "moment": "2024-02-29T12:30:00.000001", "zoned": "2024-02-29T11:30:00Z", "list": ["a", "b"],
    "struct": {"a": 1, "b": "x"},
}


def table(rows):
    """Rows with every type, and a null in every column of every second one."""
    columns = {
        name: pa.array([value if row % 2 == 0 else None for row in range(rows)], kind)
        for name, (kind, value) in TYPES.items()
    }
    return pa.table(columns)


def of_pyarrow(whole, path):
    pq.write_table(whole, path, row_group_size=700, compression="snappy")


def of_duckdb(whole, path):
    duckdb.from_arrow(whole).write_parquet(str(path), compression="gzip")


def of_polars(whole, path):
    polars.from_arrow(whole).write_parquet(path, compression="lz4", row_group_size=700)


def by_pyarrow(path):
    return pq.read_table(path).to_pylist()


def by_duckdb(path):
    return duckdb.read_parquet(str(path)).to_arrow_table().to_pylist()


def by_polars(path):
    return polars.read_parquet(path).to_dicts()


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=1e-6)
    if isinstance(a, dt.datetime) and isinstance(b, dt.datetime) and a.tzinfo and b.tzinfo:
        return a.astimezone(UTC) == b.astimezone(UTC)
    return a == b


def check(command, run, folder):
    whole = table(2000)
    writers = {"pyarrow": of_pyarrow, "duckdb": of_duckdb, "polars": of_polars}
    readers = {"pyarrow": by_pyarrow, "duckdb": by_duckdb, "polars": by_polars}
    for writer, write in writers.items():
        path, out, lines = (folder / f"{writer}{end}" for end in (".parquet", "-out.parquet", "-out.jsonl.zst"))
        write(whole, path)
        for target in (out, lines):
            subprocess.run([command, "predict", run, path, "-o", target, "--force", "--quiet"], check=True)
        # Types are kept, and columns are added behind them.
        before, after = pq.read_schema(path), pq.read_schema(out)
        assert after.names[: len(before)] == before.names, (writer, after)
        for field in before:
            assert after.field(field.name).type == field.type, (writer, field, after.field(field.name))
        assert after.field("prediction").type == pa.string(), after
        added = after.names[len(before) + 1 :]
        assert added and all(after.field(name).type == pa.float64() for name in added), after
        for reader, read in readers.items():
            given, written = read(path), read(out)
            assert len(given) == len(written) == 2000
            for one, other in zip(given, written):
                for name, value in one.items():
                    assert same(value, other[name]), (writer, reader, name, value, other[name])
                assert math.isclose(sum(other[name] for name in added), 1, abs_tol=1e-5), other
        with pa.CompressedInputStream(pa.OSFile(str(lines)), "zstd") as packed:
            rows = [json.loads(line) for line in packed.read().decode().splitlines()]
        assert len(rows) == 2000
        for number, row in enumerate(rows):
            for name, value in SHOWN.items():
                expected = value if number % 2 == 0 else None
                found = row[name]
                # A writer may store what it has no type for as another one.
                if name == "zoned" and isinstance(found, str):
                    found = found.replace(".000", "")
                assert same(found, expected), (writer, number, name, found, expected)
        print(f"{writer}: read by cloze, and what cloze wrote read by {', '.join(readers)}")


def parts(command, run, folder):
    """Two processes annotate files with row groups of every size; each program reads the folder as the rows in their order."""
    archive = folder / "archive"
    for old in (archive, *folder.glob("parts-*")):
        shutil.rmtree(old, ignore_errors=True)
    archive.mkdir()
    whole = pa.table({"id": pa.array(range(900), pa.int64()), "text": [f'text {row}, "quoted"\nand more' for row in range(900)]})
    with pq.ParquetWriter(archive / "a.parquet", whole.schema) as writer:
        for begin, end in ((0, 300), (300, 300), (300, 400)):
            writer.write_table(whole.slice(begin, end - begin))
    polars.from_arrow(whole.slice(0, 0)).write_parquet(archive / "b.parquet")
    polars.from_arrow(whole.slice(400)).write_parquet(archive / "c.parquet", row_group_size=200)
    alone = []
    for path in sorted(archive.iterdir()):
        out = folder / f"alone-{path.name}"
        subprocess.run([command, "predict", run, path, "-o", out, "--force", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        alone += pq.read_table(out).to_pylist()
    assert [row["id"] for row in alone] == list(range(900))
    readers = {
        "parquet": [
            lambda out: pyarrow.dataset.dataset(out, format="parquet").to_table().to_pylist(),
            lambda out: duckdb.read_parquet(f"{out}/*.parquet").to_arrow_table().to_pylist(),
            lambda out: polars.scan_parquet(f"{out}/*.parquet").collect().to_dicts(),
        ],
        "csv.gz": [
            lambda out: duckdb.read_csv(f"{out}/*.csv.gz", header=True).to_arrow_table().to_pylist(),
            lambda out: polars.scan_csv(f"{out}/*.csv.gz").collect().to_dicts(),
        ],
        "jsonl.zst": [
            lambda out: duckdb.read_json(f"{out}/*.jsonl.zst").to_arrow_table().to_pylist(),
            lambda out: polars.scan_ndjson(f"{out}/*.jsonl.zst").collect().to_dicts(),
        ],
    }
    for end, read in readers.items():
        out = folder / f"parts-{end}"
        kind, _, packed = end.partition(".")
        options = ["--to", kind] + {"gz": ["--compression", "gzip"], "zst": ["--compression", "zstd"]}.get(packed, [])
        started = [
            subprocess.Popen([command, "predict", run, archive, "-o", out, "--shard", shard, "--quiet", "--threads", "1", *options], stdout=subprocess.DEVNULL)
            for shard in ("0/2", "1/2")
        ]
        assert [process.wait() for process in started] == [0, 0]
        names = sorted(path.name for path in out.iterdir())
        # Three row groups, a file without any or with an empty one, three row groups.
        assert names == ["_cloze.json", *(f"part-{part:05}.{end}" for part in range(7))], names
        for number, rows in enumerate(read):
            found = rows(out)
            assert len(found) == len(alone), (end, number, len(found))
            for one, other in zip(found, alone):
                # What text stands for, a reader may leave open.
                typed = {name: type(other[name])(value) for name, value in one.items()}
                assert list(one) == list(other) and all(same(value, other[name]) for name, value in typed.items()), (end, one, other)
    print(f"folders of parts: {', '.join(readers)} read by pyarrow, DuckDB and polars, as far as each has the format")


def job_for_kubernetes():
    guide = (Path(__file__).parents[1] / "docs/guides/many-rows.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    version = kubernetes_validate.latest_version()
    kubernetes_validate.validate(yaml.safe_load(block), version, strict=True)
    print(f"the guide's job is one of Kubernetes {version}")


if __name__ == "__main__":
    if sys.argv[1] == "--fixture":
        pq.write_table(table(2), sys.argv[2], compression="zstd")
    else:
        given = (sys.argv[1], sys.argv[2], Path(sys.argv[3]))
        check(*given)
        parts(*given)
        job_for_kubernetes()
