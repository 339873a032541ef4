#!/usr/bin/env python3
"""Measures adainfer beside PyTorch and llama.cpp: the same weights, tokens and threads, in turns. README.md says more."""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
MANIFEST = shlex.quote(str(HERE.parent.parent / "Cargo.toml"))
OURS = f"cargo run --release --manifest-path {MANIFEST} --example peer_bench --"
PACKAGES = ["torch", "transformers", "accelerate", "gguf", "xllamacpp"]
PREFILLS = [32, 300, 1000]
CONTEXT = 300  # tokens before the first decoded one
STEPS = 8  # decoded tokens a round; a round's figure is their mean or median
# Ours and the peer that it is held against, with the reference that says which tokens are right.
PAIRS = [
    ("adainfer f32", "PyTorch f32"),
    ("adainfer Q4_1", "PyTorch bf16"),
    ("adainfer Q4_1", "llama.cpp Q4_1"),
]
REFERENCE = "PyTorch f32"


def main():
    args = arguments()
    python = venv_python(args.venv)
    if os.environ.get("ADAINFER_PEERS") != str(args.venv):
        raise SystemExit(run_inside(args.venv, python))
    engines = {}
    try:
        engines["adainfer f32"] = Ours(args, "float")
        engines["adainfer int8"] = Ours(args, "int8")
        engines["adainfer Q4_1"] = Ours(args, "stored")
        engines["PyTorch f32"] = PyTorch(args, "float32")
        engines["PyTorch bf16"] = PyTorch(args, "bfloat16")
        engines["llama.cpp Q4_1"] = LlamaCpp(args)
        cases = [measure(case, engines, args.rounds) for case in all_cases()]
    finally:
        for engine in engines.values():
            engine.close()
    print(report(cases, list(engines), args))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file, as the example quickstart fetches it")
    parser.add_argument("--venv", type=Path, default=HERE / ".venv", help="made if missing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7, help="with one more before them as a warm-up")
    parser.add_argument("--ours", default=OURS, help="the command of our side")
    args = parser.parse_args()
    args.venv = Path(os.path.abspath(args.venv))
    args.model = Path(os.path.abspath(args.model))
    if args.threads < 1 or args.rounds < 1:
        parser.error("--threads and --rounds must be at least 1")
    if not args.model.is_file():
        parser.error(f"there is no file {args.model}")
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


def all_cases():
    return [("prefill", tokens(count)) for count in PREFILLS] + [("decode", tokens(CONTEXT))]


def tokens(count):
    """Token ids spread over the vocabulary, the same on every run."""
    return [(7919 * (i + 1)) % 49152 for i in range(count)]


# The engines. Each answers `prefill` and `decode` with (milliseconds, tokens).


class PyTorch:
    def __init__(self, args, dtype):
        import torch
        from transformers import AutoModelForCausalLM

        torch.set_num_threads(args.threads)
        self.torch = torch
        options = dict(dtype=getattr(torch, dtype), attn_implementation="sdpa", gguf_file=args.model.name)
        self.model = AutoModelForCausalLM.from_pretrained(args.model.parent, **options).eval()

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

    def choose(self, ids, choices):
        """The likeliest of some tokens after a prompt."""
        start = time.perf_counter()
        with self.torch.inference_mode():
            out = self.model(input_ids=self.torch.tensor([ids]), use_cache=False, logits_to_keep=1)
            scores = out.logits[0, -1, choices]
        return milliseconds(start), choices[int(scores.argmax())]

    def _forward(self, ids, cache):
        with self.torch.inference_mode():
            ids = self.torch.tensor([ids])
            out = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            return int(out.logits[0, -1].argmax()), out.past_key_values

    def close(self):
        pass


class LlamaCpp:
    """llama.cpp's server in this process, by its own clock; nothing is kept from prompt to prompt."""

    def __init__(self, args):
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(args.model)
        params.n_ctx, params.n_parallel = 2048, 1
        params.n_batch = params.n_ubatch = 1024
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
        params.verbosity = -1
        self.server = xllamacpp.Server(params)

    def prefill(self, ids):
        answer = self._complete(ids, 1)
        return answer["timings"]["prompt_ms"], answer["tokens"][:1]

    def first(self, ids, cached):
        """The time to the first token, where what the prompt before began with is kept."""
        return self._complete(ids, 1, cached)["timings"]["prompt_ms"]

    def decode(self, ids):
        answer = self._complete(ids, STEPS + 1)
        # Its clock starts after the first token.
        return answer["timings"]["predicted_ms"] / STEPS, answer["tokens"][1:]

    def _complete(self, ids, count, cached=False):
        answer = self.server.handle_completions(
            {"prompt": ids, "max_tokens": count, "temperature": 0, "ignore_eos": True, "cache_prompt": cached, "return_tokens": True, "verbose": True}
        )
        answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
        return answer["__verbose"]

    def close(self):
        pass


class Ours:
    """The process on our side: one JSON object a line in each direction."""

    def __init__(self, args, weights, extra=()):
        options = ["--model", str(args.model), "--threads", str(args.threads), "--weights", weights]
        self.command = [*shlex.split(args.ours), *options, *extra]
        log("starting " + shlex.join(self.command))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, text=True)

    def prefill(self, ids):
        answer = self._ask({"op": "prefill", "tokens": ids})
        return answer["ms"], [answer["token"]]

    def decode(self, ids):
        answer = self._ask({"op": "decode", "tokens": ids, "steps": STEPS})
        return answer["ms"], answer["tokens"]

    def encode(self, text):
        return self._ask({"op": "encode", "text": text})["tokens"]

    def prefix(self, ids):
        self._ask({"op": "prefix", "tokens": ids})

    def query(self, ids, dense):
        return self._ask({"op": "query", "tokens": ids, "dense": dense})

    def queries(self, queries):
        return self._ask({"op": "queries", "queries": queries})

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


def measure(case, engines, rounds):
    """Runs all engines in turns, so that a busy moment of the machine hits all."""
    kind, ids = case
    name = f"{kind} {len(ids)}" if kind == "prefill" else f"decode after {len(ids)}"
    times, said = {engine: [] for engine in engines}, {}
    for count in range(rounds + 1):
        log(f"\r{name}: round {count} of {rounds}", end="")
        for engine, side in engines.items():
            ms, said[engine] = getattr(side, kind)(ids)
            if count > 0:  # round 0 warms up
                times[engine].append(ms)
    log("")
    return name, times, said


def report(cases, engines, args):
    import torch
    from importlib.metadata import version

    lines = [
        f"{cpu()}, {args.threads} threads, {args.rounds} rounds in turns; PyTorch {torch.__version__}, transformers "
        f"{version('transformers')}, xllamacpp {version('xllamacpp')}. Medians in milliseconds.",
        "",
        "| | " + " | ".join(engines) + " |",
        "|---|" + "---:|" * len(engines),
    ]
    for name, times, _ in cases:
        lines.append(f"| {name} | " + " | ".join(f"{statistics.median(times[e]):.1f}" for e in engines) + " |")
    lines += ["", "The median of each round's ratio, ours by theirs:", ""]
    lines += ["| | " + " | ".join(f"{a} / {b}" for a, b in PAIRS) + " |", "|---|" + "---:|" * len(PAIRS)]
    for name, times, _ in cases:
        ratios = (statistics.median(a / b for a, b in zip(times[ours], times[theirs])) for ours, theirs in PAIRS)
        lines.append(f"| {name} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")
    lines += ["", f"Tokens that are those of {REFERENCE}:", ""]
    lines += ["| | " + " | ".join(engines) + " |", "|---|" + "---:|" * len(engines)]
    for name, _, said in cases:
        right = said[REFERENCE]
        same = (sum(a == b for a, b in zip(said[e], right)) for e in engines)
        lines.append(f"| {name} | " + " | ".join(f"{count} of {len(right)}" for count in same) + " |")
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
