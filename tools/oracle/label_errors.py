"""Golden label errors by confident learning of cleanlab, for evaluation/report/label_errors.go.

Writes evaluation/report/testdata/label_errors.json.gz: for each case the labels, the probabilities as whole numbers of which a
row is divided by its sum, the rows that cleanlab's find_label_issues returns (confident_learning, by normalized margin)
and its scores. Every fifth label is drawn at random. Some cases have a class without rows, many ties, or few rows.

    python tools/oracle/label_errors.py   # label_errors-requirements.txt
    go test ./evaluation/report -run LabelErrors
"""

import gzip
import json
import pathlib

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_normalized_margin_for_each_label

OUT = pathlib.Path(__file__).parents[2] / "evaluation/report/testdata/label_errors.json.gz"


def main():
    rng, cases = np.random.default_rng(18), []
    for classes, rows, top in [(2, 200, 1000), (2, 12, 4), (3, 150, 10), (5, 300, 1000), (5, 300, 6), (39, 300, 1000)]:
        actual = rng.integers(0, classes - (classes == 5 and top == 6), rows)  # that case lacks its last class
        weights = rng.integers(0, top + 1, (rows, classes))
        weights[np.arange(rows), actual] += rng.integers(1, 4 * top, rows)
        wrong = rng.random(rows) < 0.2
        labels = np.where(wrong, actual[rng.integers(0, rows, rows)], actual)
        scores = weights / weights.sum(axis=1, keepdims=True)
        found = find_label_issues(labels, scores, filter_by="confident_learning",
                                  return_indices_ranked_by="normalized_margin", n_jobs=1)
        margins = get_normalized_margin_for_each_label(labels, scores)
        cases.append({"labels": labels.tolist(), "weights": weights.tolist(), "rows": sorted(found.tolist()),
                      "margins": [2 * float(m) - 1 for m in margins[found]]})
    with gzip.GzipFile(OUT, "wb", mtime=0) as file:
        file.write(json.dumps(cases).encode())
    print([len(c["rows"]) for c in cases], OUT.stat().st_size, "bytes")


main()
