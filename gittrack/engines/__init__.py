"""Scoring on engines that exist: Spark, Dask and Ray, a module each."""
