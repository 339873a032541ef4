#!/usr/bin/env python3
"""Writes made-up reviews with their labels, as prompts for `fit_lens` and `suitability`: JSON Lines.

    python3 examples/assets/reviews.py 300 1000 OUT

puts 300 prompts into OUT/fit.jsonl and 1000 others into OUT/rest.jsonl. The sentences are put together from the parts below; the same
numbers give the same files. The demonstrations are those of the example `quickstart`.
"""

import itertools
import json
import pathlib
import random
import sys

OPENINGS = ["", "", "", "Honestly, ", "All in all, ", "To be fair, ", "After a week I can say: ", "My sister agrees that ",
            "As a regular customer I think ", "For the price, "]
SUBJECTS = ["the hotel", "this lamp", "the concert", "the new album", "our guide", "the pizza", "this novel", "the airline",
            "the dentist", "this jacket", "the museum", "the second season", "my new laptop", "the garden tour", "the coffee",
            "this vacuum cleaner", "the language course", "the ferry", "the bakery", "this headset", "the campsite",
            "the lead actor", "the update", "the repair shop", "the yoga class", "this pair of boots", "the documentary",
            "the restaurant", "the printer", "the zoo"]
GOOD = ["was a joy from beginning to end", "is better than I had hoped", "was worth every penny", "made my whole week",
        "is simply wonderful", "was friendly, quick and careful", "exceeded all my expectations", "is a real gem",
        "was so good that we came back twice", "is the best I have seen in years", "was charming and full of surprises",
        "works perfectly and looks great", "was lovely, we felt at home at once", "deserves a prize",
        "was impressive and a pleasure for all of us", "is excellent and I recommend it to everyone"]
BAD = ["was a complete waste of money", "is worse than I had feared", "ruined our evening", "was rude, slow and careless",
       "is simply awful", "was a disappointment from beginning to end", "broke my trust for good", "is a bad joke",
       "was so poor that we left early", "is the worst I have seen in years", "was boring and far too expensive",
       "does not work and looks cheap", "was filthy, we felt cheated at once", "deserves no star at all",
       "was embarrassing and a pain for all of us", "is terrible and I warn everyone about it"]
CLOSINGS = ["", "", "", " Never again, my friends say; they are right." , " We talked about it for days.",
            " I paid for it myself.", " That was last spring.", " It rained, by the way."]


def reviews():
    """All sentences, in an order of no pattern, with as many of either label in any even number of them."""
    rng = random.Random(7)
    sides = []
    for label, claims in (("positive", GOOD), ("negative", BAD)):
        # A closing that takes sides would contradict praise.
        closings = CLOSINGS if label == "negative" else [c for c in CLOSINGS if "Never" not in c]
        parts = list(itertools.product(OPENINGS, SUBJECTS, claims, closings))
        rng.shuffle(parts)
        seen = dict.fromkeys((o + s + " " + c + "." + e, label) for o, s, c, e in parts)
        sides.append(list(seen))
    for pair in zip(*sides):
        pair = list(pair)
        rng.shuffle(pair)
        yield from ((text[0].upper() + text[1:], label) for text, label in pair)


def main():
    fit, rest, out = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
    shared = (pathlib.Path(__file__).parent / "demonstrations.txt").read_text()
    made = itertools.islice(reviews(), fit + rest)
    lines = [json.dumps({"id": f"review {i}", "prompt": f"{shared}\n\nReview: {text}\nSentiment:", "answer": f" {label}"})
             for i, (text, label) in enumerate(made)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "fit.jsonl").write_text("\n".join(lines[:fit]) + "\n")
    (out / "rest.jsonl").write_text("\n".join(lines[fit:]) + "\n")


if __name__ == "__main__":
    main()
