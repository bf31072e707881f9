"""Entry of ./bench: reads the arguments, runs the benchmarks asked for, describes the machine."""
import argparse

import admm
import change
import convex
import deep
import deep_polish
import exact
import growth
import iterations
import joint
import limits
import many_unknowns
import robust
import known
import lipsdp
import lipsdp_deep
import python
import sgd
import table
import classes
import value
import verify
import wide
from common import Setup

BENCHMARKS = {"joint": joint.run, "robust": robust.run, "value": value.run, "classes": classes.run, "deep": deep.run, "deep-polish": deep_polish.run, "limits": limits.run, "lipsdp": lipsdp.run, "lipsdp-deep": lipsdp_deep.run, "growth": growth.run, "many-unknowns": many_unknowns.run, "iterations": iterations.run,
              "table": table.run, "sgd": sgd.run, "convex": convex.run, "admm": admm.run, "wide": wide.run, "exact": exact.run, "known": known.run,
              "verify": verify.run, "python": python.run, "change": change.run}


def main():
    parser = argparse.ArgumentParser(prog="./bench")
    parser.add_argument("what", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--quick", action="store_true", help="one repeat, the small cases, a short cap")
    parser.add_argument("--repeats", type=int, help="runs of each program (default 3; 1 with --quick)")
    parser.add_argument("--cap", type=float, help="seconds an opponent may take (default 180; 60 with --quick)")
    parser.add_argument("--threads", type=int, default=1, help="threads of every program (default 1)")
    parser.add_argument("--only", default="", help="names of the cases to run, separated by commas")
    parser.add_argument("--opponents", default="clarabel,scs", help="which to run (default clarabel,scs)")
    parser.add_argument("--before", help="folder of another build of tautnet, for `change`")
    options = parser.parse_args()
    setup = Setup(
        quick=options.quick,
        repeats=options.repeats or (1 if options.quick else 3),
        cap=options.cap or (60.0 if options.quick else 180.0),
        threads=options.threads,
        only=[name for name in options.only.split(",") if name],
        opponents=options.opponents.split(","),
        before=options.before,
    )
    setup.describe()
    for name, run in BENCHMARKS.items():
        if options.what in (name, "all"):
            run(setup)


if __name__ == "__main__":
    main()
