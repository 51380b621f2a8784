"""Write measurements as CSV files, as a laboratory would send them one after another."""

from __future__ import annotations

import argparse
from pathlib import Path

from sklearn.datasets import load_wine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--files", type=int, default=3)
    options = parser.parse_args()

    options.folder.mkdir(parents=True, exist_ok=True)
    measured = load_wine(as_frame=True).data
    for number in range(options.files):
        rows = measured.iloc[number :: options.files]
        rows.to_csv(options.folder / f"{number}.csv", index_label="sample")


if __name__ == "__main__":
    main()
