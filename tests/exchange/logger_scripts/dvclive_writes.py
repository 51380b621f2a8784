"""Log a run with DVCLive itself."""

import sys

from dvclive import Live

with Live(sys.argv[1], save_dvc_exp=False, dvcyaml=None, report=None) as live:
    live.log_params({"lr": 0.1, "net": {"depth": 3, "kind": "cnn"}})
    for step in range(4):
        live.log_metric("loss", 1 / (step + 1), timestamp=True)
        live.log_metric("train/acc", step / 4)
        live.next_step()
    live.summary["best"] = 0.75
