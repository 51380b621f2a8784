"""Score a trained model on the wines that were held out from its training."""

from __future__ import annotations

import argparse

from data import load
from sklearn.metrics import accuracy_score

import gittrack
import gittrack.pyfunc


def main() -> None:
    arguments = parse_arguments()
    wine = load(arguments.seed)
    model = gittrack.pyfunc.load_model(arguments.model)
    accuracy = accuracy_score(wine.held_out_class, model.predict(wine.held_out))
    gittrack.log_metric("held_out_accuracy", accuracy)
    print(f"Accuracy on wines never seen: {accuracy:.3f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="such as runs:/RUN/model")
    parser.add_argument("--seed", type=int, default=0, help="of the split the model was trained on")
    return parser.parse_args()


if __name__ == "__main__":
    main()
