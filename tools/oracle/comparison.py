"""Golden DeLong, McNemar and Holm tests of two classifiers on the same rows, and intervals of bootstrap rounds.

Writes evaluation/testdata/comparison.json.gz. McNemar and Holm are statsmodels'; its chi-square with continuity
correction is left out where as many images are right in either alone, since there it corrects beyond 0 (R's
mcnemar.test does not). The DeLong variance and covariance are those of the published package confidenceinterval, which
follows Sun and Xu (2014); its midranks are made float64 instead of float32, and the definition of DeLong et al. (1988),
means over all pairs of rows, must agree to 1e-11. The interval is logit(AUC) ± z·σ/(AUC(1-AUC)); for a perfect ranking
statsmodels' Clopper-Pearson interval. Bias-corrected and basic intervals are written with scipy's percentileofscore and
normal distribution, and numpy.quantile. Scores are whole numbers out of 64 (many ties) or 2^20.

    python tools/oracle/comparison.py [--seed N --out FILE]   # comparison-requirements.txt
    go test ./evaluation -run Published -v -comparison FILE
"""

import argparse
import gzip
import json
import pathlib
import types
import warnings

import confidenceinterval.delong as published
import numpy as np
import statsmodels
from scipy import special, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

OUT = pathlib.Path(__file__).parents[2] / "evaluation/testdata/comparison.json.gz"
published.np = types.SimpleNamespace(**{**vars(np), "float32": np.float64})


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


def interval(auc, std_err, ones, zeros):
    if auc == 1:
        return proportion_confint(min(ones, zeros), min(ones, zeros), method="beta")
    half = stats.norm.ppf(0.975) * std_err / (auc * (1 - auc))
    return special.expit(special.logit(auc) - half), special.expit(special.logit(auc) + half)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(args.seed)
    delong = []
    for case in range(60):
        n, top = int(np.exp(rng.uniform(np.log(12), np.log(300)))), [64, 2**20][case % 2]
        labels = rng.integers(0, 2, n)
        labels[:4] = [0, 0, 1, 1]
        a = rng.integers(0, top + 1, n) // 2 + labels * rng.integers(0, top // 2 + 1, n)
        if case % 20 == 9:  # perfect
            a = a // 4 + labels * (top // 2)
        b = a if case % 20 == 19 else np.clip(a + rng.integers(-top // 3, top // 3 + 1, n), 0, top)
        order, ones = np.argsort(-labels, kind="stable"), int(labels.sum())
        auc, cov = published.fastDeLong(np.stack([a, b])[:, order].astype(float), ones, None)
        auc2, cov2 = definition(labels, np.stack([a, b]).astype(float))
        np.testing.assert_allclose(auc2, auc, rtol=1e-14)
        np.testing.assert_allclose(cov2, cov, rtol=1e-11, atol=1e-17)
        for k in (0, 1):
            if auc2[k] == 1:  # exact, where midranks round
                auc[k], cov[k], cov[:, k] = 1, 0, 0
        variance = cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]
        z = p = None  # no variance, no test
        if case % 20 == 19 or auc2[0] == auc2[1] == 1:
            z, p = 0.0, 1.0
        elif variance > 1e-20:
            z = float((auc[1] - auc[0]) / np.sqrt(variance))
            p = float(2 * stats.norm.sf(abs(z)))
        delong.append({"labels": labels.tolist(), "a": a.tolist(), "b": b.tolist(), "top": top, "auc": auc.tolist(),
                       "interval": interval(auc[0], np.sqrt(cov[0, 0]), ones, n - ones),
                       "std_err": np.sqrt(np.diag(cov)).tolist(), "z": z, "p": p})
    tests = []
    for a, b in [(1, 0), (0, 1), (3, 3), (0, 10), (7, 2), (121, 59), (59, 121), (500, 400), (4000, 3000),
                 (20000, 20100), (0, 400), *rng.integers(0, 60, (40, 2)).tolist()]:
        if a + b == 0:
            continue
        exact, chi = (mcnemar([[0, a], [b, 0]], exact=e, correction=True) for e in (True, False))
        tests.append({"a": int(a), "b": int(b), "exact_p": float(exact.pvalue)} |
                     ({"chi_square": float(chi.statistic), "p": float(chi.pvalue)} if a != b
                      else {"chi_square": 0, "p": 1}))
    families = []
    for k in (1, 2, 3, 5, 20, 20):
        ps = rng.random(k) ** 4
        ps[k // 2] = ps[0]  # a tie
        families.append({"p": ps.tolist(), "holm": multipletests(ps, method="holm")[1].tolist()})
    rounds = []
    for case in range(12):
        values = np.round(rng.beta(5, 2, 200), [2, 15][case % 2])  # with ties, and without
        value = [np.mean(values), np.quantile(values, 0.9), values.min() - 0.01][case % 3]
        level = [0.95, 0.9][case // 6]
        below = np.clip(stats.percentileofscore(values, value, kind="mean") / 100, 0.5 / 200, 1 - 0.5 / 200)
        shift, z = 2 * stats.norm.ppf(below), stats.norm.ppf((1 + level) / 2)
        rounds.append({"values": values.tolist(), "value": float(value), "level": level,
                       "corrected": np.quantile(values, stats.norm.cdf([shift - z, shift + z])).tolist(),
                       "basic": (2 * value - np.quantile(values, [(1 + level) / 2, (1 - level) / 2])).tolist()})
    made = f"statsmodels {statsmodels.__version__}, confidenceinterval 1.0.5"
    text = json.dumps({"made_with": made, "delong": delong, "mcnemar": tests, "holm": families, "rounds": rounds},
                      separators=(",", ":"), allow_nan=False)
    args.out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(made, len(delong), len(tests), args.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
