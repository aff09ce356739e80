#!/usr/bin/env python3
"""Draws the memory of programs over their progress, from the memory.csv of proof.py."""

import csv
import sys

import matplotlib.pyplot as pyplot


# Maximum number of points of a line, about.
POINTS = 300


def main(source, target):
    with open(source, encoding="utf-8") as file:
        samples = list(csv.DictReader(file))
    figure, axes = pyplot.subplots(figsize=(8, 3.5))
    for name in dict.fromkeys(sample["program"] for sample in samples):
        own = [sample for sample in samples if sample["program"] == name]
        total = max(int(sample["progress"]) for sample in own)
        own = own[::max(1, len(own) // POINTS)]
        axes.plot([100 * int(sample["progress"]) / total for sample in own],
                  [float(sample["MiB"]) for sample in own], label=name, linewidth=1)
    axes.axhline(64, color="gray", linestyle="--", linewidth=1)
    axes.set(xlabel="progress in %", ylabel="resident memory in MiB", ylim=0)
    axes.legend(fontsize="small")
    figure.tight_layout()
    pyplot.rcParams["svg.hashsalt"] = "cqlwire"
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
