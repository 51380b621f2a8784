"""The session that engines.py measures: run in the environment of the engines."""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Iterator

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, pandas_udf
from sklearn.ensemble import HistGradientBoostingRegressor

import gittrack.pyfunc
import gittrack.sklearn
from gittrack.models import infer_signature

ROUNDS = 3
TABLE = pd.DataFrame({"a": np.arange(1000.0), "b": np.arange(1000.0)[::-1]})

rows = int(sys.argv[1])
model = HistGradientBoostingRegressor(max_iter=50).fit(TABLE, TABLE.a * 2)
gittrack.sklearn.save_model(model, "ours", signature=infer_signature(TABLE, model.predict(TABLE)))
mlflow.sklearn.save_model(
    model, "theirs", signature=mlflow.models.infer_signature(TABLE, model.predict(TABLE)),
    serialization_format="cloudpickle",
)  # fmt: skip
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "1g")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
sent = spark.sparkContext.broadcast(pickle.dumps(model))


@pandas_udf("double")
def by_hand(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
    loaded = pickle.loads(sent.value)
    for a, b in batches:
        yield pd.Series(loaded.predict(pd.DataFrame({"a": a, "b": b})))


frame = spark.range(0, rows, numPartitions=2).select(
    (col("id") % 1000).cast("double").alias("a"), (col("id") % 777).cast("double").alias("b")
)
functions = {
    "by hand": by_hand,
    "gittrack": gittrack.pyfunc.spark_udf(spark, "ours", "double"),
    "mlflow": mlflow.pyfunc.spark_udf(spark, "theirs", "double", env_manager="local"),
}
seconds: dict[str, list[float]] = {name: [] for name in functions}
for _ in range(ROUNDS + 1):
    for name, function in functions.items():
        begin = time.perf_counter()
        frame.select(function("a", "b").alias("p")).agg({"p": "sum"}).collect()
        seconds[name].append(time.perf_counter() - begin)
spark.stop()
print(json.dumps({name: min(times[1:]) for name, times in seconds.items()}))
