#!/usr/bin/env python3
"""Counts how often each weight format answers as f32 does: the first token of every prompt, all layers run.

    cargo run --release --features eval --example render -- --task sst2 --data TASKS --split eval --shots 5 --share \\
        --limit 200 --out sst2.jsonl
    python3 benches/peers/formats.py --model MODEL.gguf sst2.jsonl ag_news.jsonl ...

Prompts may begin with the same demonstrations, which are run once then. Needs nothing but Python and the example
peer_bench; prints Markdown.
"""

import argparse
import json
from pathlib import Path

import peers
from queries import common

FORMATS = ["float", "int8", "stored"]


def main():
    args = arguments()
    files = {file.stem: read(file, args.limit) for file in args.prompts}
    answers = {}
    for weights in FORMATS:
        ours = peers.Ours(args, weights)
        for name, prompts in files.items():
            answers[name, weights] = first_tokens(ours, prompts)
        ours.close()
    print(f"| task | prompts | {' | '.join(FORMATS[1:])} |")
    print(f"|---|---:|{'---:|' * (len(FORMATS) - 1)}")
    for name, prompts in files.items():
        whole = answers[name, FORMATS[0]]
        same = [sum(a == b for a, b in zip(whole, answers[name, weights])) / len(prompts) for weights in FORMATS[1:]]
        print(f"| {name} | {len(prompts)} | {' | '.join(f'{share:.3f}' for share in same)} |")


def read(file, limit):
    try:
        with file.open(encoding="utf-8") as text:
            prompts = [json.loads(line)["prompt"] for line in text if line.strip()][:limit]
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"{file}: {error!r}")
    if not prompts:
        raise SystemExit(f"{file}: no prompt")
    return prompts


def first_tokens(ours, prompts):
    ids = [ours.encode(prompt) for prompt in prompts]
    shared = common(ids)
    if not shared:
        return [ours.prefill(tokens)[1][0] for tokens in ids]
    ours.prefix(shared)
    return [ours.query(tokens[len(shared) :], True)["token"] for tokens in ids]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="GGUF file")
    parser.add_argument("--ours", default=peers.OURS, help="our side's command")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="prompts of each file at most")
    parser.add_argument("prompts", type=Path, nargs="+", help="files of the example render")
    return parser.parse_args()


if __name__ == "__main__":
    main()
