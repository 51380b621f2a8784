"""Score every file that has arrived as a stream, and write the predictions beside."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

import gittrack.pyfunc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incoming", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.appName("wine-cultivar").getOrCreate()
    predict = gittrack.pyfunc.spark_udf(spark, options.model, "int")
    columns = ", ".join(
        f"`{name}` double" for name in predict.metadata.get_input_schema().input_names()
    )
    arriving = (
        spark.readStream.schema(f"sample int, {columns}")
        .option("header", True)
        .option("maxFilesPerTrigger", 1)
        .csv(str(options.incoming))
    )
    query = (
        arriving.select("sample", predict().alias("cultivar"))
        .writeStream.format("csv")
        .option("path", str(options.results))
        .option("checkpointLocation", str(options.results) + ".checkpoint")
        .trigger(availableNow=True)  # without it the query waits for the next file
        .start()
    )
    query.awaitTermination()
    print(f"{spark.read.csv(str(options.results)).count()} samples scored into {options.results}")
    spark.stop()


if __name__ == "__main__":
    main()
