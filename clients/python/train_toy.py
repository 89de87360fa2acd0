"""A training run small enough for a demonstration: a line through the sizes of
the files of a data set. It does what any trainer does: reads data and a
configuration, says how it gets on, and leaves weights.

    auditlog exec --model toy --version 1 --data train=DATA --params cfg.json \\
        --hook used.json --output weights.json -- \\
        python3 train_toy.py --data DATA --config cfg.json --weights weights.json
"""

import argparse
import json
import os
import pathlib
import random
import sys

import auditlog_hook


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--weights", required=True)
    args = parser.parse_args()
    config = json.loads(pathlib.Path(args.config).read_text())

    files = sorted(p for p in pathlib.Path(args.data).rglob("*") if p.is_file())
    if not files:
        sys.exit(f"no data in {args.data}")
    sizes = [min(f.stat().st_size, 1 << 20) / (1 << 20) for f in files]
    points = [(i / len(sizes), size) for i, size in enumerate(sizes)]

    rng = random.Random(config["seed"])
    slope = intercept = 0.0
    lr = float(config["lr"])
    for epoch in range(config["epochs"]):
        rng.shuffle(points)
        for x, y in points:
            error = slope * x + intercept - y
            slope -= lr * error * x
            intercept -= lr * error
        loss = sum((slope * x + intercept - y) ** 2 for x, y in points) / len(points)
        print(f"run {os.environ.get('AUDITLOG_RUN', '-')} epoch {epoch + 1} loss {loss:.6f}", flush=True)

    pathlib.Path(args.weights).write_text(json.dumps({"slope": slope, "intercept": intercept}) + "\n")
    auditlog_hook.dump(config, "used.json")


if __name__ == "__main__":
    main()
