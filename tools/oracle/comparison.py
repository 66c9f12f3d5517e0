"""Golden DeLong and McNemar tests of two classifiers on the same rows.

Writes evaluation/testdata/comparison.json.gz. McNemar is statsmodels'. The
DeLong variance and covariance are computed from the definition of DeLong et al.
(1988), means over all pairs of rows and numpy.cov, in float64; they must agree
with the published package confidenceinterval, which follows Sun and Xu (2014)
but keeps midranks in float32, as far as float32 goes. Scores are whole numbers out of 64 (many ties) or 2^20.

    python tools/oracle/comparison.py    # comparison-requirements.txt
"""

import gzip
import json
import pathlib
import warnings

import confidenceinterval.delong as published
import numpy as np
import statsmodels
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

OUT = pathlib.Path(__file__).parents[2] / "evaluation/testdata/comparison.json.gz"


def definition(labels, scores):
    """AUCs [K] and their covariance [K, K]: placements from every pair."""
    positives, negatives = labels == 1, labels == 0
    v10, v01 = [], []
    for s in scores:
        order = s[positives][:, None] - s[negatives][None, :]
        psi = (order > 0) + 0.5 * (order == 0)
        v10.append(psi.mean(axis=1))
        v01.append(psi.mean(axis=0))
    return np.mean(v10, axis=1), np.cov(v10) / positives.sum() + np.cov(v01) / negatives.sum()


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(20261125)
    delong = []
    for case in range(60):
        n, top = int(np.exp(rng.uniform(np.log(12), np.log(300)))), [64, 2**20][case % 2]
        labels = rng.integers(0, 2, n)
        labels[:4] = [0, 0, 1, 1]
        a = rng.integers(0, top + 1, n) // 2 + labels * rng.integers(0, top // 2 + 1, n)
        b = a if case % 20 == 19 else np.clip(a + rng.integers(-top // 4, top // 4 + 1, n), 0, top)
        auc, cov = definition(labels, np.stack([a, b]).astype(float))
        order, ones = np.argsort(-labels, kind="stable"), int(labels.sum())
        auc2, cov2 = published.fastDeLong(np.stack([a, b])[:, order].astype(float), ones, None)
        np.testing.assert_allclose(auc2, auc, rtol=1e-6)
        np.testing.assert_allclose(cov2, cov, rtol=1e-3, atol=1e-8)
        variance = cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]
        z = (auc[1] - auc[0]) / np.sqrt(variance) if case % 20 != 19 else 0.0
        delong.append({"labels": labels.tolist(), "a": a.tolist(), "b": b.tolist(), "top": top, "auc": auc.tolist(),
                       "std_err": np.sqrt(np.diag(cov)).tolist(), "z": float(z), "p": float(2 * stats.norm.sf(abs(z)))})
    tests = []
    for a, b in [(1, 0), (0, 1), (3, 3), (0, 10), (7, 2), (121, 59), (59, 121), (500, 400), (4000, 3000), (20000, 20100),
                 (0, 400), *rng.integers(0, 60, (40, 2)).tolist()]:
        if a + b == 0:
            continue
        exact, chi = (mcnemar([[0, a], [b, 0]], exact=e, correction=True) for e in (True, False))
        tests.append({"a": int(a), "b": int(b), "exact_p": float(exact.pvalue), "chi_square": float(chi.statistic),
                      "p": float(chi.pvalue)})
    made = f"statsmodels {statsmodels.__version__}, confidenceinterval 1.0.5"
    text = json.dumps({"made_with": made, "delong": delong, "mcnemar": tests}, separators=(",", ":"), allow_nan=False)
    OUT.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(made, len(delong), len(tests), OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
