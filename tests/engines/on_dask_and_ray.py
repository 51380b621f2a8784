"""What Dask and Ray answer: run by test_dask_and_ray.py in the environment of the engines."""

from __future__ import annotations

import json
import tempfile

import models
import pandas as pd

import gittrack.pyfunc


def by_dask() -> list[object]:
    import dask.dataframe
    from dask.distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, dashboard_address=None) as cluster, Client(cluster):
        frame = dask.dataframe.from_pandas(models.TABLE, npartitions=3)
        predictions = gittrack.pyfunc.dask_predict(frame, "linear")
        words = gittrack.pyfunc.dask_predict(frame, "words")
        several = gittrack.pyfunc.dask_predict(frame, "several")
        kinds = {name: str(kind) for name, kind in several.dtypes.items()}
        models.remove_all()  # workers find nothing here
        return [predictions.compute()["0"].tolist(), words.compute()["0"].tolist(), kinds]


def by_ray() -> list[object]:
    import ray

    # The sockets below it have short names only.
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=100 * 1024 * 1024,
            _temp_dir=folder,
            log_to_driver=False,
        )
        dataset = ray.data.from_pandas(models.TABLE)
        rows = gittrack.pyfunc.ray_predict(dataset, "linear")
        models.remove_all()
        found = sorted(row["0"] for row in rows.take_all())
        ray.shutdown()
    return found


if __name__ == "__main__":
    pd.set_option("future.infer_string", False)
    models.save_all()
    dask_found = by_dask()
    models.save_all()
    print(json.dumps({"dask": dask_found, "ray": by_ray()}))
