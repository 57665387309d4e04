"""``python -m tests.lab OUT_DIR``: make labelled captures."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path as FilePath

from tests.lab.runner import load, plan, plan_mixed, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parser.add_argument("out", type=FilePath)
    parser.add_argument("--only", default="", help="causes or scenario functions, with commas")
    parser.add_argument("--count", type=int, default=1, help="cases of each cause")
    parser.add_argument("--each", type=int, default=0, help="cases of each scenario, instead of --count")
    parser.add_argument("--mixed", type=int, default=0, help="cases of several parts, instead of the others")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=12)
    parser.add_argument("--list", action="store_true", help="name the scenarios and stop")
    args = parser.parse_args()
    if args.list:
        for each in load():
            print(f"{each.cause:36}{each.run.__name__}")
        return 0
    if os.geteuid() != 0:
        print("the lab makes network namespaces: run it as root", file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    wanted = [each for each in args.only.split(",") if each]
    runs = (
        plan_mixed(args.mixed, args.seed, args.out)
        if args.mixed
        else plan(wanted, args.count, args.each, args.seed, args.out)
    )
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, mp_context=context, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(run, *each) for each in runs]):
            print(done.result(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
