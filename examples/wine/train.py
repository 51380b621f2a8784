"""Train a linear classifier on the wine data set, epoch by epoch."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from data import load
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, classification_report, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gittrack
import gittrack.sklearn


def main() -> None:
    arguments = parse_arguments()
    wine = load(arguments.seed)
    scaler = StandardScaler().fit(wine.train)
    classifier = SGDClassifier(
        loss="log_loss",
        alpha=arguments.alpha,
        penalty=arguments.penalty,
        random_state=arguments.seed,
    )

    scaled_train, scaled_test = scaler.transform(wine.train), scaler.transform(wine.test)
    for epoch in range(arguments.epochs):
        classifier.partial_fit(scaled_train, wine.train_class, classes=[0, 1, 2])
        gittrack.log_metrics(
            {
                "train_loss": log_loss(wine.train_class, classifier.predict_proba(scaled_train)),
                "test_loss": log_loss(wine.test_class, classifier.predict_proba(scaled_test)),
            },
            step=epoch,
        )

    model = make_pipeline(scaler, classifier)
    predicted = model.predict(wine.test)
    accuracy = accuracy_score(wine.test_class, predicted)
    gittrack.log_metric("accuracy", accuracy)
    print(f"Accuracy: {accuracy:.3f}")

    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.txt"
        report.write_text(classification_report(wine.test_class, predicted, zero_division=0))
        gittrack.log_artifact(report)
    gittrack.sklearn.log_model(model, "model", input_example=wine.train.head(3))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpha", type=float, default=0.001, help="strength of regularization")
    parser.add_argument("--penalty", choices=["l1", "l2", "elasticnet"], default="l2")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the split and the classifier")
    return parser.parse_args()


if __name__ == "__main__":
    main()
