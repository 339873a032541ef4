"""Writes a fitted scikit-learn SVC (binary, rbf or linear) or sklearn-crfsuite CRF as a policy file of adainfer.

    policy = export(model, features=["gap", "top_prob"], source={"fingerprint": .., "lens": "logit", "layers": 30},
                    layers=range(1, 30), prompts=["prompt 1", ..])
    json.dump(policy, open("policy.json", "w"))

The label of an exit that is right is 1 (of a CRF, "1"); `features` are in the order of the columns, and `source` is the header
of the file of traces. `prompts` are the names of those it was trained on: a certificate must not use them again.
"""
import hashlib


def export(model, features, source, layers, prompts):
    hashes = sorted({hashlib.sha256(p.encode()).hexdigest()[:16] for p in prompts})
    training = dict(source=source, layers=list(layers), features=list(features), prompts=hashes)
    if hasattr(model, "support_vectors_"):
        kind, bias = "svm", float(model.intercept_[0])
        if model.kernel == "linear":
            numbers = {"machine": {"linear": {"weights": model.coef_[0].tolist(), "bias": bias}}}
        else:
            numbers = {"machine": {"rbf": {"gamma": float(model._gamma), "vectors": model.support_vectors_.tolist(),
                                           "coefficients": model.dual_coef_[0].tolist(), "bias": bias}}}
    else:
        kind, state, step = "crf", model.state_features_, model.transition_features_
        numbers = {"emission": [state.get((f, "1"), 0.0) - state.get((f, "0"), 0.0) for f in features],
                   "transitions": [[step.get((a, b), 0.0) for b in "01"] for a in "01"]}
    return {"adainfer_policy": 1, "kind": kind, "policy": {"training": training, "threshold": 0.0, **numbers}}
