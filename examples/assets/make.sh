#!/usr/bin/env bash
# Makes the lens and the policy of the example `quickstart` from made-up reviews: reviews.lens.safetensors and
# reviews.policy.json beside this file. Takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=target/reviews
layer=22
python3 examples/assets/reviews.py 300 1000 "$work"
cargo run --release --example fit_lens --features fit -- \
    --prompts "$work/fit.jsonl" --keep "$layer" --half --out examples/assets/reviews.lens.safetensors
cargo run --release --example suitability --features eval,fit -- \
    --prompts "$work/rest.jsonl" --lens examples/assets/reviews.lens.safetensors \
    --candidates --shared-prefix --from "$layer" --out "$work/report"
cp "$work/report/candidates.policy.json" examples/assets/reviews.policy.json
