#!/usr/bin/env python3
"""Measures classification by a first token: adainfer with a certified early exit beside PyTorch and llama.cpp, on the same
prompts with the same demonstrations, in turns.

    R="cargo run --release --features eval,fit --example"
    ARGS="--task sst2 --data TASKS --shots 5 --balanced --share"
    $R render -- $ARGS --split pool --limit 900 --out pool.jsonl
    $R render -- $ARGS --split eval --limit 200 --out eval.jsonl
    $R suitability -- --model MODEL.gguf --weights stored --prompts pool.jsonl --candidates --shared-prefix --out sst2
    python3 benches/peers/queries.py --model MODEL.gguf --weights stored --prompts eval.jsonl --lens sst2/lens.safetensors \\
        --policy sst2/candidates.policy.json

Our side shares what all prompts begin with, and so does llama.cpp by its own prompt cache; PyTorch runs whole prompts. With
--alone nothing is shared: for prompts whose demonstrations differ. The answer is one of the prompts' first tokens.
"""

import argparse
import json
import os
import statistics
from pathlib import Path

import peers

TOGETHER = 64  # queries at once

peers.__file__ = __file__  # what `run_inside` starts


def main():
    args = arguments()
    if os.environ.get("ADAINFER_PEERS") != str(args.venv):
        raise SystemExit(peers.run_inside(args.venv, peers.venv_python(args.venv)))
    with args.prompts.open(encoding="utf-8") as text:
        prompts = [json.loads(line) for line in text if line.strip()][: args.limit]
    labels = sorted({prompt["answer"][0] if isinstance(prompt["answer"], list) else prompt["answer"] for prompt in prompts})
    extra = ["--lens", str(args.lens), "--policy", str(args.policy)]
    for label in labels:
        extra += ["--label", label]
    ours = peers.Ours(args, args.weights, extra)
    try:
        rows, together = measure(args, ours, [prompt["prompt"] for prompt in prompts], labels)
    finally:
        ours.close()
    print(report(args, rows, together, labels))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file")
    parser.add_argument("--prompts", type=Path, required=True, help='JSON Lines with "prompt" and "answer"')
    parser.add_argument("--lens", type=Path, required=True)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--weights", default="stored", help="how our side holds matrices")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--alone", action="store_true", help="share nothing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--venv", type=Path, default=peers.HERE / ".venv", help="made if missing")
    parser.add_argument("--ours", default=peers.OURS, help="the command of our side")
    args = parser.parse_args()
    args.venv = Path(os.path.abspath(args.venv))
    args.model = Path(os.path.abspath(args.model))
    return args


def measure(args, ours, texts, labels):
    """One row a prompt: times and answers of each side."""
    torch_side, llama = peers.PyTorch(args, "float32"), peers.LlamaCpp(args)
    ids = [ours.encode(text) for text in texts]
    choices = [ours.encode(label)[0] for label in labels]
    shared = [] if args.alone else common(ids)
    ours.prefix(shared)
    rows = []
    for count, prompt in enumerate(ids):
        peers.log(f"\rprompt {count + 1} of {len(ids)}", end="")
        query = prompt[len(shared) :]
        early, dense = ours.query(query, False), ours.query(query, True)
        torch_ms, torch_token = torch_side.choose(prompt, choices)
        llama_ms = llama.first(prompt, cached=not args.alone)
        if count > 0:  # the first warms up
            rows.append((early, dense, torch_ms, torch_token, llama_ms, len(query), len(prompt)))
    peers.log("")
    together = None
    if shared:
        queries = [prompt[len(shared) :] for prompt in ids[1 : TOGETHER + 1]]
        runs = [ours.queries(queries) for _ in range(4)][1:]
        wrong = sum(token != row[0]["token"] for token, row in zip(runs[0]["tokens"], rows))
        together = (len(queries), statistics.median(run["ms"] for run in runs) / len(queries), wrong)
    return rows, together


def common(prompts):
    """The tokens that all begin with; each keeps one of its own."""
    shared = []
    for column in zip(*(prompt[:-1] for prompt in prompts)):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return shared


def report(args, rows, together, labels):
    early, dense = ([row[side] for row in rows] for side in (0, 1))
    times = {
        "adainfer, early exit": [answer["ms"] for answer in early],
        "adainfer, dense": [answer["ms"] for answer in dense],
        "PyTorch f32, whole prompt": [row[2] for row in rows],
        "llama.cpp" + ("" if args.alone else ", its prompt cache"): [row[4] for row in rows],
    }
    same = sum(a["token"] == b["token"] for a, b in zip(early, dense))
    right = sum(a["token"] == row[3] for a, row in zip(dense, rows))
    first = next(iter(times))
    lines = [
        f"{peers.cpu()}, {args.threads} threads, {len(rows)} prompts of {statistics.mean(row[6] for row in rows):.0f} tokens, "
        f"{statistics.mean(row[5] for row in rows):.0f} of them not shared; answers {', '.join(map(repr, labels))}.",
        "",
        "| | median, ms | mean, ms | early exit's time by it, of medians |",
        "|---|---:|---:|---:|",
    ]
    for name, values in times.items():
        ratio = statistics.median(times[first]) / statistics.median(values)
        lines.append(f"| {name} | {statistics.median(values):.1f} | {statistics.mean(values):.1f} | {ratio:.2f} |")
    layers = statistics.mean(answer["layers"] for answer in early)
    total = max(answer["layers"] for answer in dense)
    lines += [
        "",
        f"Early exit runs {layers:.2f} of {total} layers and gives the answer of our whole model to {same} of {len(rows)}; "
        f"that gives PyTorch's to {right}.",
    ]
    if together:
        lines.append(
            f"{together[0]} queries at once take {together[1]:.1f} ms each with early exit; {together[2]} answers differ from those one by one."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130)
