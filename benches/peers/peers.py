#!/usr/bin/env python3
"""Measures adainfer beside PyTorch: the same weights, tokens and threads, in turns. README.md says more."""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
MANIFEST = shlex.quote(str(HERE.parent.parent / "Cargo.toml"))
OURS = f"cargo run --release --manifest-path {MANIFEST} --example peer_bench --"
PACKAGES = ["torch", "transformers", "numpy", "safetensors"]
# The shape of SmolLM2-135M: small enough for a laptop, and deep enough for early exit to matter.
SHAPE = dict(
    vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
    num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
    rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
)
ROPE_THETA = 100000.0
# With the usual 0.02 a random model repeats one token for ever, which would hide a wrong cache. With this
# one the tokens differ, and the best is at least 0.08 above the second: far more than rounding.
INITIALIZER_RANGE = 0.06
SEED = 20250601
PREFILLS = [32, 300, 1000]
CONTEXT = 300  # tokens before the first decoded one
STEPS = 8  # decoded tokens a round; a round's figure is their median


def main():
    args = arguments()
    python = venv_python(args.venv)
    if os.environ.get("ADAINFER_PEERS") != str(args.venv):
        raise SystemExit(run_inside(args.venv, python))
    folder = model_folder(args.venv)
    torch_side = PyTorch(folder, args.threads)
    ours = Ours(args.ours, folder, args.threads)
    try:
        cases = [measure(case, ours, torch_side, args.rounds) for case in all_cases()]
    finally:
        ours.close()
    print(report(cases, torch_side.version, args))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, default=HERE / ".venv", help="made if missing; holds the model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7, help="with one more before them as a warm-up")
    parser.add_argument("--ours", default=OURS, help="the command of our side")
    args = parser.parse_args()
    args.venv = Path(os.path.abspath(args.venv))
    if args.threads < 1 or args.rounds < 1:
        parser.error("--threads and --rounds must be at least 1")
    return args


# The virtual environment


def venv_python(folder):
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run_inside(folder, python):
    """Runs this script again inside the environment, which is made first if there is none."""
    if not python.exists():
        log(f"making a virtual environment in {folder}")
        venv.create(folder, with_pip=True)
    has_all = subprocess.run([python, "-c", "import " + ", ".join(PACKAGES)], capture_output=True)
    if has_all.returncode != 0:
        log("installing " + ", ".join(PACKAGES))
        install = [python, "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(install, check=True, stdout=sys.stderr)
    env = {**os.environ, "ADAINFER_PEERS": str(folder)}
    child = subprocess.Popen([python, __file__, *sys.argv[1:]], env=env)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            pass  # the child got it too, and ends by itself


# The model


def model_folder(parent):
    """The Hugging Face folder of the model, written on the first run."""
    folder = parent / f"model-{SEED}"
    if not folder.exists():
        from transformers import LlamaConfig, LlamaForCausalLM
        import torch

        log(f"writing a model with random weights into {folder}")
        torch.manual_seed(SEED)
        rope = {"rope_type": "default", "rope_theta": ROPE_THETA}
        config = LlamaConfig(**SHAPE, initializer_range=INITIALIZER_RANGE, rope_parameters=rope)
        model = LlamaForCausalLM(config).float()
        with tempfile.TemporaryDirectory(dir=parent) as temporary:
            whole = Path(temporary, "model")
            model.save_pretrained(whole)
            name_theta(whole / "config.json")
            whole.rename(folder)
    return folder


def name_theta(path):
    """Adds `rope_theta` at the top level, where transformers before version 5 wrote it, for older readers."""
    config = json.loads(path.read_text())
    config["rope_theta"] = ROPE_THETA
    path.write_text(json.dumps(config, indent=2) + "\n")


def all_cases():
    return [("prefill", tokens(count)) for count in PREFILLS] + [("decode", tokens(CONTEXT))]


def tokens(count):
    """Token ids spread over the vocabulary, the same on every run."""
    return [(7919 * (i + 1)) % SHAPE["vocab_size"] for i in range(count)]


# The two sides. Each answers `prefill` and `decode` with (milliseconds, tokens).


class PyTorch:
    def __init__(self, folder, threads):
        import torch
        from transformers import LlamaForCausalLM

        torch.set_num_threads(threads)
        self.torch, self.version = torch, torch.__version__
        options = dict(dtype=torch.float32, attn_implementation="sdpa")
        self.model = LlamaForCausalLM.from_pretrained(folder, **options).eval()

    def prefill(self, ids):
        start = time.perf_counter()
        token, _ = self._forward(ids, None)
        return milliseconds(start), [token]

    def decode(self, ids):
        token, cache = self._forward(ids, None)
        times, answers = [], []
        for _ in range(STEPS):
            start = time.perf_counter()
            token, cache = self._forward([token], cache)
            times.append(milliseconds(start))
            answers.append(token)
        return statistics.median(times), answers

    def _forward(self, ids, cache):
        with self.torch.inference_mode():
            ids = self.torch.tensor([ids])
            out = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            return int(out.logits[0, -1].argmax()), out.past_key_values


class Ours:
    """The process on our side: one JSON object a line in each direction."""

    def __init__(self, command, folder, threads):
        self.command = [*shlex.split(command), "--model", str(folder), "--threads", str(threads)]
        log("starting " + shlex.join(self.command))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, text=True)

    def prefill(self, ids):
        answer = self._ask({"op": "prefill", "tokens": ids})
        return answer["ms"], [answer["token"]]

    def decode(self, ids):
        answer = self._ask({"op": "decode", "tokens": ids, "steps": STEPS})
        return answer["ms"], answer["tokens"]

    def _ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            answer = json.loads(line)
        except (OSError, ValueError):
            status = self.process.poll()
            raise SystemExit(f"{self.command[0]} gave no answer to {request['op']} (exit status {status})")
        if "error" in answer:
            raise SystemExit(f"{self.command[0]}: {answer['error']}")
        return answer

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass  # it ended before us
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# The measurement


def measure(case, ours, torch_side, rounds):
    """Runs both sides in turns, so that a busy moment of the machine hits both."""
    kind, ids = case
    name = f"{kind} {len(ids)}" if kind == "prefill" else f"decode after {len(ids)}"
    pairs, agree = [], True
    for count in range(rounds + 1):
        log(f"\r{name}: round {count} of {rounds}", end="")
        our_ms, our_tokens = getattr(ours, kind)(ids)
        torch_ms, torch_tokens = getattr(torch_side, kind)(ids)
        agree = agree and our_tokens == torch_tokens
        if count > 0:  # round 0 warms up
            pairs.append((our_ms, torch_ms))
    log("" if agree else f"\n{name}: ours answers {our_tokens}, PyTorch {torch_tokens}")
    return name, pairs, agree


def report(cases, version, args):
    lines = [
        f"{cpu()}, {args.threads} threads, PyTorch {version}, f32, {args.rounds} rounds in turns. "
        "Medians in milliseconds; the ratio is the median of each round's.",
        "",
        "| | adainfer | PyTorch | ratio | same answer |",
        "|---|---:|---:|---:|---|",
    ]
    for name, pairs, agree in cases:
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        ratio = statistics.median(a / b for a, b in pairs)
        lines.append(f"| {name} | {ours:.1f} | {theirs:.1f} | {ratio:.2f} | {'yes' if agree else 'NO'} |")
    return "\n".join(lines)


def cpu():
    try:
        with open("/proc/cpuinfo") as text:
            return next(line.split(":", 1)[1].strip() for line in text if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    if sys.platform == "darwin":
        return subprocess.check_output(["sysctl", "-n", "machdep.cpu.brand_string"], text=True).strip()
    return platform.processor() or platform.machine()


def milliseconds(start):
    return (time.perf_counter() - start) * 1000


def log(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130)
