"""Reads a store of `trainer board DIR -mlflow STORE` with MLflow's own client, and prints what it finds.

    python tools/oracle/mlflow_store.py STORE

Needs mlflow or mlflow-skinny (checked with 2.22 and 3.17). It fails if a run lacks parameters, metrics or artifacts.
"""

import os
import pathlib
import sys

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # MLflow 3 refuses file stores without it

import mlflow
from mlflow.tracking import MlflowClient

client = MlflowClient(tracking_uri=pathlib.Path(sys.argv[1]).resolve().as_uri())
print("mlflow", mlflow.__version__)
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id]):
        of, info = run.data, run.info
        history = client.get_metric_history(info.run_id, "val_roc_auc")
        files = [f.path for f in client.list_artifacts(info.run_id)]
        assert of.params["seed"] and history and "config.toml" in files, (of.params, history, files)
        assert [m.step for m in history] == list(range(1, len(history) + 1))
        seconds = (info.end_time - info.start_time) / 1000 if info.end_time else None
        print(experiment.name, info.run_name, info.status, len(of.params), "params", len(of.metrics), "metrics",
              len(history), "epochs", seconds, "s, test AUC", of.metrics.get("test_roc_auc"), len(files), "artifacts")
