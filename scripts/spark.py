"""Spark with the Python package: the guide's recipe, on threads and on a cluster of processes; and folders of `cloze predict --shard`, read by Spark.

Run by `cargo xtask test spark` as `spark.py CLOZE RUN FOLDER MASTER`, where CLOZE is the command, RUN a run that reads a column `text`, FOLDER a folder
to write to and MASTER where Spark runs. The package must be installed in this Python.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# What is tested is this machine alone, whatever it is called.
os.environ.update(SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost", PYSPARK_PYTHON=sys.executable)

from pyspark.sql import SparkSession
from pyspark.sql.types import IntegerType, StructField, StructType

GUIDE = Path(__file__).parents[1] / "docs/guides/many-rows.md"
ROWS = 240


def six(probability):
    """A probability as `cloze predict` writes it, with six decimal places, halves away from zero."""
    part, whole = math.modf(probability * 1e6)
    return (whole + (part >= 0.5)) / 1e6


def recipe(run, archive, labelled):
    """The module and the job of the guide, for these folders."""
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    module, job = (block for block in blocks if "mapInArrow" in block or block.startswith("# annotate.py"))
    for name, path in (("runs/support-1a2b3c4d", run), ("archive", archive), ("labelled", labelled)):
        job = job.replace(f'"{name}"', repr(str(path)))
    return module, job



def check(master, command, run, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["SPARK_WORKER_DIR"] = str(folder / "workers")
    archive, labelled = folder / "archive", folder / "by-spark"
    module, job = recipe(run, archive, labelled)
    (folder / "annotate.py").write_text(module)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    settings = {"spark.ui.enabled": "false", "spark.sql.execution.arrow.maxRecordsPerBatch": "10", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
    spark = SparkSession.builder.master(master).config(map=settings).getOrCreate()
    try:
        texts = "concat('note ', id, case when id % 2 = 0 then ': what a lovely song' else ': set the alarm to six' end) as text"
        spark.range(ROWS).selectExpr("id", texts).repartition(4).write.parquet(str(archive))
        exec(compile(job, str(GUIDE), "exec"), {})
        by_spark = {row["id"]: row.asDict() for row in spark.read.parquet(str(labelled)).collect()}

        # Spark's folder is what cloze reads, and the other way round.
        for name, options in (("parquet", []), ("csv", ["--to", "csv"]), ("json", ["--to", "jsonl", "--compression", "gzip"])):
            for shard in ("0/2", "1/2"):
                words = [command, "predict", run, archive, "-o", folder / name, "--shard", shard, "--quiet", *options]
                subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        shards = spark.read.parquet(str(folder / "parquet"))
        by_cloze = {row["id"]: row.asDict() for row in shards.collect()}
        assert len(by_spark) == len(by_cloze) == ROWS, (len(by_spark), len(by_cloze))
        for number, row in by_cloze.items():
            other = by_spark[number]
            assert list(row) == list(other), (list(row), list(other))
            same = {name: six(value) if name.startswith("p_") else value for name, value in other.items()}
            assert row == same, (row, other)
        assert len({tuple(row.values())[-1] for row in by_cloze.values()}) > ROWS // 4, "probabilities hardly differ"
        csv = spark.read.csv(str(folder / "csv"), header=True, schema=shards.schema)
        for read in (csv, spark.read.schema(shards.schema).json(str(folder / "json"))):
            assert {row["id"]: row.asDict() for row in read.collect()} == by_cloze

        # Each process opens the run once, however many batches it is given.
        from annotate import annotator, opened

        def count(batches):
            import pyarrow

            for batch in annotator(str(run))(batches):
                seen = {"process": [os.getpid()], "opened": [opened.cache_info().misses], "rows": [batch.num_rows]}
                yield pyarrow.RecordBatch.from_pydict(seen, pyarrow.schema([(name, pyarrow.int32()) for name in seen]))

        counted = StructType([StructField(name, IntegerType()) for name in ("process", "opened", "rows")])
        batches = spark.read.parquet(str(archive)).mapInArrow(count, counted).collect()
        processes = {row["process"] for row in batches}
        assert sum(row["rows"] for row in batches) == ROWS
        assert all(row["opened"] == 1 for row in batches), batches
        assert len(processes) <= 2 and len(batches) >= ROWS // 10, batches
        assert os.getpid() not in processes
    finally:
        spark.stop()
    print(f"{master}: {ROWS} rows, the same labels and probabilities as `cloze predict`; {len(batches)} batches, {len(processes)} processes")


if __name__ == "__main__":
    given = [Path(word).absolute() for word in sys.argv[1:4]]
    check(sys.argv[4], *given)
