#!/usr/bin/env python3
"""Runs MobileNets of the reference frameworks with seeded weights and keeps what tests/conformance.rs compares.

    python3 tools/golden/conformance.py                  writes tests/data/conformance/
    python3 tools/golden/conformance.py --full FOLDER    writes the whole product of options to FOLDER
    python3 tools/golden/conformance.py --check          reads the committed files back, recomputes one case a framework
    python3 tools/golden/conformance.py --check all      recomputes all of them
    python3 tools/golden/conformance.py --full FOLDER --only keras-v2
    python3 tools/golden/conformance.py --full FOLDER --sample 120 [--seed 7]    a part that meets most pairs of options
    python3 tools/golden/conformance.py --stats          prints how well conditioned every endpoint is

README.md beside this file has the format, seeded.py the weights.
"""

import argparse
import importlib
import math
import pathlib
import sys

import numpy as np

import cases
import fixtures
import seeded

MODULES = {"keras": "ref_keras", "torchvision": "ref_torch", "timm": "ref_torch", "slim": "ref_slim"}
DILATION = {"torchvision": "torchvision", "timm": "slim", "slim": "slim"}


def reference(framework):
    return importlib.import_module(MODULES[framework])


def entry(case):
    """(manifest fields, shapes of all tensors, outputs) of a case."""
    call, shapes, outputs = reference(case.framework).run(case)
    moving = ("moving_mean", "moving_variance", "running_mean", "running_var")
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    fields = {
        "name": case.name,
        "reference": call,
        "naming": case.framework,
        "version": case.version,
        "multiplier": case.multiplier,
        "minimalistic": case.minimalistic,
        "height": case.height,
        "width": case.width,
        "classes": case.classes,
        "padding": case.padding,
        "output_stride": case.output_stride,
        "dilation": DILATION[case.framework] if case.output_stride != 32 else "none",
        "batch_norm_epsilon": case.epsilon,
        "pooling": case.pooling,
        "activation": case.activation if case.classes else "none",
        "finegrain": case.finegrain,
        "reduced_tail": case.reduced_tail,
        "params": sum(sizes.values()),
        "trainable_params": sum(size for name, size in sizes.items() if not name.endswith(moving)),
        "tensors": len(shapes),
        "tensors_fnv1a64": seeded.listing(shapes),
    }
    return fields, shapes, outputs


def generate(folder, chosen):
    packed, listings = [], {}
    for at, case in enumerate(chosen):
        print(f"{at + 1}/{len(chosen)} {case.name}", file=sys.stderr, flush=True)
        fields, shapes, outputs = entry(case)
        packed.append(fixtures.pack(fields, outputs))
        listings.setdefault(case.framework, []).append((case.name, shapes))
    versions = {}
    for framework in sorted({case.framework for case in chosen}):
        versions.update(reference(framework).VERSIONS)
    fixtures.write(folder, versions, packed)
    fixtures.write_tensors(folder, listings)


def check(everything):
    manifest, records = fixtures.read(fixtures.DATA)
    known = {case.name: case for case in cases.committed()}
    if set(known) != set(records):
        sys.exit(f"cases.py and cases.json differ by {sorted(set(known) ^ set(records))}")
    seen, worst = set(), 0.0
    for fields in manifest["cases"]:
        case = known[fields["name"]]
        if case.framework in seen and not everything:
            continue
        seen.add(case.framework)
        again, _, outputs = entry(case)
        wrong = [key for key in again if fields[key] != again[key]]
        if wrong or [name for name, _ in fields["endpoints"]] != list(outputs):
            sys.exit(f"{case.name}: {wrong or 'endpoints'} differ from the manifest")
        for name, values in outputs.items():
            error = fixtures.relative_error(records[case.name][name], fixtures.summary(name, values))
            worst = max(worst, error)
            if error > 1e-6:
                sys.exit(f"{case.name} {name}: relative error {error:.1e}")
        print(f"{case.name}: {len(outputs)} endpoints agree")
    print(f"{len(records)} cases read, worst relative error {worst:.1e}")


def stats(chosen):
    for case in chosen:
        _, _, outputs = entry(case)
        spread = {name: float(np.std(x)) for name, x in outputs.items()}
        odd = {name: f"{x:.3g}" for name, x in spread.items() if not 0.05 <= x <= 5}
        zeros = max(float(np.mean(x == 0)) for x in outputs.values())
        least, most = min(spread.values()), max(spread.values())
        print(f"{case.name}: std {least:.3g} … {most:.3g}, zeros {zeros:.0%}, outside 0.05 … 5: {odd}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="TEXT", help="with --full or --stats: cases whose name holds TEXT")
    parser.add_argument("--sample", type=int, metavar="COUNT", help="with --full: so many cases, spread over all options")
    parser.add_argument("--seed", type=int, default=0, help="with --sample: which ones")
    parser.add_argument("--check", nargs="?", const="one", choices=("one", "all"))
    parser.add_argument("--stats", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.check == "all")
    elif arguments.stats:
        stats(case for case in cases.committed() if arguments.only in case.name)
    elif arguments.full and arguments.sample is not None:
        generate(arguments.full, cases.sample(arguments.sample, arguments.seed, arguments.only))
    elif arguments.full:
        generate(arguments.full, [case for case in cases.full() if arguments.only in case.name])
    else:
        generate(fixtures.DATA, cases.committed())


if __name__ == "__main__":
    main()
