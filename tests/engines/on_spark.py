"""What Spark answers: run by test_spark.py in the environment of the engines."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import models
from pyspark.sql import SparkSession
from pyspark.sql.functions import array, col, struct

import gittrack.pyfunc

models.save_all()
# Executors find nothing here: the tree is gone as soon as the functions are made.
spark = (
    SparkSession.builder.master(sys.argv[1])
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.driver.memory", "1g")
    .config("spark.executor.memory", "512m")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
frame = spark.createDataFrame(models.TABLE)
found: dict[str, object] = {}


def udf(name, result_type=None, **options):
    return gittrack.pyfunc.spark_udf(spark, name, result_type, **options)


def first(column, rows=3):
    """Return the first predictions, plain enough for JSON."""
    values = [row.p for row in frame.orderBy("a").select(column.alias("p")).limit(rows).collect()]
    return [value.asDict() if hasattr(value, "asDict") else value for value in values]


def refused(work):
    try:
        return ["nothing", str(work())]
    except Exception as error:
        return [type(error).__name__, str(error)]


linear, words, tensor = udf("linear"), udf("words", "string"), udf("tensor")
several = {kind: udf("several", kind) for kind in sys.argv[2].split(";")}
picky = udf("picky")
found["default type"] = linear.returnType.simpleString()
found["wrong types"] = [
    refused(lambda kind=kind: udf("linear", kind))
    for kind in ("map<string,int>", "nonsense<", "boolean", "array<boolean>")
]
text = Path("linear/MLmodel").read_text()
Path("linear/MLmodel").write_text(text.replace("python_version: 3.", "python_version: 2."))
found["another Python"] = refused(lambda: udf("linear"))
found["all the same"] = udf("linear", env_manager="local").returnType.simpleString()
own = udf("linear", env_manager="virtualenv") if len(sys.argv) > 3 else None
models.remove_all()

found["by the signature"] = first(linear())
found["by order"] = first(linear("a", "b"))
found["as a struct"] = first(linear(struct("b", "a")))
found["without a signature"] = first(words("a", "b"), 10)
found["a tensor of columns"] = first(tensor("a", "b"))
found["a tensor of one array"] = first(tensor(array("a", "b")))
found["types"] = {kind: first(function("a", "b"), 1)[0] for kind, function in several.items()}
found["in its own environment"] = first(own("a", "b")) if own else None
spark.udf.register("predict", linear)
frame.createOrReplaceTempView("t")
found["in SQL"] = [row.p for row in spark.sql("select predict(a, b) p from t order by a").collect()]
found["missing in a struct"] = refused(lambda: linear(struct("a")))
found["missing in the table"] = refused(lambda: frame.drop("b").select(linear()).collect())
found["too many"] = refused(lambda: linear("a", "b", "a"))
found["fails on a row"] = refused(lambda: frame.select(picky("a", "b")).collect())
found["other rows go on"] = len(frame.where("a < 3").select(picky("a", "b")).collect())
processes = spark.range(100).repartition(8).select(linear(col("id"), col("id")).alias("p"))
found["rows of many tasks"] = processes.count()

Path("in").mkdir()
models.TABLE[:2].to_csv("in/1.csv", index=False)
stream = spark.readStream.schema("a double, b double").option("header", True).csv("in")
batches: list[list[float]] = []
query = (
    stream.select(linear().alias("p"))
    .writeStream.foreachBatch(lambda batch, _: batches.append([row.p for row in batch.collect()]))
    .option("checkpointLocation", "checkpoint")
    .start()
)
query.processAllAvailable()
models.TABLE[2:4].to_csv("in/2.csv", index=False)
query.processAllAvailable()
query.stop()
found["micro-batches"] = batches
spark.stop()
print(json.dumps(found))
