#!/usr/bin/env python3
"""Holds adainfer's first tokens and exits against transformers' on the same prompts, both in f32 through the raw logit lens.

    R="cargo run --release --features eval --example"
    $R render -- --task sst2 --data TASKS --limit 40 --out sst2.jsonl
    $R evaluate -- --model MODEL.gguf --prompts sst2.jsonl --policy gap:0.8 --out raw
    $R evaluate -- --model MODEL.gguf --prompts sst2.jsonl --policy gap:0.8@25 --out from25
    python3 benches/peers/first_tokens.py --model MODEL.gguf --prompts sst2.jsonl --results raw/results.json from25/results.json

The first run makes peers.py's virtual environment. Each results file gets a row of a
Markdown table; differences are listed below it, where "here" is adainfer and "there" the reference. The exit status is 1 if
under 99 % of the dense tokens or of the exits in one of the files are equal.
"""

import argparse
import json
import os
import re
from pathlib import Path
from typing import NamedTuple

import peers

SHARE = 0.99  # of the dense tokens, and of the exits, that must be equal
peers.__file__ = __file__  # what `run_inside` starts


def main():
    args = arguments()
    if os.environ.get("ADAINFER_PEERS") != str(args.venv):
        raise SystemExit(peers.run_inside(args.venv, peers.venv_python(args.venv)))
    files = [Results(path) for path in args.results]
    with args.prompts.open(encoding="utf-8") as text:
        prompts = {line["id"]: line["prompt"] for line in map(json.loads, filter(str.strip, text))}
    asked = dict.fromkeys(name for file in files for name in file.items)
    if missing := [name for name in asked if name not in prompts]:
        raise SystemExit(f"{args.prompts} has no prompt {missing[0]!r}")
    reference = Reference(args.model, args.threads)
    for count, name in enumerate(asked, 1):
        peers.log(f"\rprompt {count} of {len(asked)}", end="")
        looks = reference.looks(prompts[name])
        for file in files:
            file.compare(name, looks)
    peers.log("")
    print("| results | policy | prompts | dense tokens equal | exits equal |\n|---|---|---:|---:|---:|")
    print("\n".join(file.row() for file in files))
    print(*(line for file in files for line in file.differences), sep="\n")
    raise SystemExit(any(min(file.dense, file.exits) < SHARE * len(file.items) for file in files))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--prompts", type=Path, required=True, help='JSON Lines with "id" and "prompt"')
    parser.add_argument("--results", type=Path, required=True, nargs="+", help="results.json of `evaluate` with a gap policy")
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file, or the Hugging Face folder, that `evaluate` ran")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--venv", type=Path, default=peers.HERE / ".venv", help="made if missing")
    args = parser.parse_args()
    args.venv = Path(os.path.abspath(args.venv))
    return args


class Looks(NamedTuple):
    positions: int  # the prompt's tokens
    tokens: list[int]  # after every layer
    gaps: list[float]
    margin: float  # from the dense token's logit to the second's


class Reference:
    def __init__(self, path: Path, threads: int):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(threads)
        self.torch = torch
        source = (path.parent, path.name) if path.is_file() else (path, None)
        self.tokenizer = AutoTokenizer.from_pretrained(source[0], gguf_file=source[1])
        self.model = AutoModelForCausalLM.from_pretrained(source[0], gguf_file=source[1], dtype=torch.float32).eval()
        if source[1]:
            cut_digits(self.tokenizer, path)
        self.states = []  # what each layer gave at the last position, before the final norm
        for layer in self.model.model.layers:
            layer.register_forward_hook(lambda _layer, _inputs, output: self.states.append(output[0, -1]))

    def looks(self, prompt: str) -> Looks:
        torch, ids = self.torch, self.tokenizer(prompt).input_ids
        self.states.clear()
        with torch.no_grad():
            dense = self.model(torch.tensor([ids]), use_cache=False, logits_to_keep=1).logits[0, -1]
            logits = self.model.lm_head(self.model.model.norm(torch.stack(self.states)))
        torch.testing.assert_close(logits[-1], dense, rtol=0, atol=1e-3, msg="the lens is not the model's head")
        probs = logits.double().softmax(-1).topk(2).values
        best, second = dense.topk(2).values.tolist()
        tokens = [*logits[:-1].argmax(-1).tolist(), int(dense.argmax())]
        return Looks(len(ids), tokens, (probs[:, 0] - probs[:, 1]).tolist(), best - second)


def cut_digits(tokenizer, path: Path):
    """SmolLM's tokenizer makes each digit a word first. GGUF files say so, and transformers does not read it."""
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers as pre

    field = GGUFReader(path).fields.get("tokenizer.ggml.pre")
    if field and field.contents() == "smollm":
        words = [pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False)]
        tokenizer.backend_tokenizer.pre_tokenizer = pre.Sequence(words)


class Results:
    def __init__(self, path: Path):
        results = json.loads(path.read_text(encoding="utf-8"))
        self.path, self.policy, lens = path, results["params"]["policy"], results["params"]["lens"]
        rule = re.fullmatch(r"gap:([0-9.]+)(?:@(\d+))?", self.policy)
        if not rule or lens != "logit":
            raise SystemExit(f"{path}: policy {self.policy!r} through lens {lens!r} is no gap rule through the logit lens")
        self.threshold, self.first = float(rule[1]), int(rule[2] or 1)
        self.items = {item["id"]: item for item in results["items"]}
        self.dense = self.exits = 0
        self.differences = []

    def compare(self, name: str, looks: Looks):
        if (item := self.items.get(name)) is None:
            return
        if looks.positions != (positions := item["positions"]):
            raise SystemExit(f"\nprompt {name!r} has {positions} tokens in {self.path}, {looks.positions} in the reference")
        passed = (i for i, gap in enumerate(looks.gaps, 1) if i >= self.first and gap > self.threshold)
        layer = next(passed, len(looks.gaps))
        ours, theirs = item["dense_token"], looks.tokens[-1]
        self.dense += ours == theirs
        if ours != theirs:
            self.note(name, f"dense tokens {ours} here, {theirs} there, by a logit margin of {looks.margin:.2g}")
        ours, theirs = (item["layers_run"], item["token"]), (layer, looks.tokens[layer - 1])
        self.exits += ours == theirs
        if ours != theirs:
            gaps = ", ".join(f"{looks.gaps[i - 1]:.6f} after {i}" for i in sorted({ours[0], layer}))
            self.note(name, f"(layer, token) {ours} here, {theirs} there, whose gaps are {gaps}")

    def note(self, name: str, what: str):
        self.differences.append(f"- {self.policy}, {name}: {what}")

    def row(self) -> str:
        n = len(self.items)
        return f"| {self.path} | {self.policy} | {n} | {self.dense} ({self.dense / n:.3f}) | {self.exits} ({self.exits / n:.3f}) |"


if __name__ == "__main__":
    main()
