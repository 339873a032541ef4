"""Training times of SVM and CRF beside scikit-learn's and sklearn-crfsuite's, on the same data.

    pip install scikit-learn sklearn-crfsuite
    python3 benches/peers/training.py

Runs `cargo bench --bench policies --no-default-features --features svm -- train`, then the others on the numbers that the bench makes; prints a
Markdown table of medians.
"""
import json, statistics, subprocess, time
from pathlib import Path
import numpy as np, sklearn_crfsuite
from sklearn.svm import SVC

ROOT, RUNS = Path(__file__).parents[2], 5


def numbers(state):
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield np.float32(state >> 40) / np.float32(1 << 24)


def traces(prompts, layers, seed):
    """Gap and top prob, and whether the token is the last layer's: as `traces` of benches/policies.rs."""
    source, f = numbers(seed), np.float32
    for _ in range(prompts):
        settled = next(source) * f(layers)
        chain, right = [], []
        for layer in range(1, layers + 1):
            ok = layer == layers or f(layer) > settled
            a, b = next(source), next(source)
            top = f(0.25) + f(0.25) * (f(layer) / f(layers)) + f(0.375) * a * f(1.0 if ok else 0.5)
            chain.append((float(top - top * f(0.5) * b), float(top)))
            right.append(int(ok))
        yield chain, right


def median(run):
    def once():
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    return statistics.median(once() for _ in range(RUNS))


def ours(name):
    folder = ROOT / "target/criterion/train" / name / "new/estimates.json"
    return json.loads(folder.read_text())["median"]["point_estimate"] / 1e9


subprocess.run(["cargo", "bench", "--bench", "policies", "--no-default-features", "--features", "svm", "--", "train"], cwd=ROOT, check=True)
rows, labels = zip(*traces(400, 25, 1))
X, y = np.concatenate(rows), np.concatenate(labels)
svc = SVC()
svm = median(lambda: svc.fit(X, y))
chains = [([{"gap": g, "top_prob": t} for g, t in chain], [str(label) for label in right]) for chain, right in traces(1000, 32, 1)]
features, states = zip(*chains)
crf = median(lambda: sklearn_crfsuite.CRF().fit(features, states))
print(f"\nSVC: {len(svc.support_)} support vectors, {int(svc.n_iter_[0])} iterations\n")
print("| | adainfer, s | the other, s | ratio |\n|---|---:|---:|---:|")
for name, mine, other, peer in [("svm on 10000 rows", "svm on 10000 rows", svm, "SVC"), ("crf on 1000 chains of 32", "crf on 1000 chains of 32", crf, "CRFsuite")]:
    print(f"| {name}, {peer} | {ours(mine):.3f} | {other:.3f} | {ours(mine) / other:.2f} |")
