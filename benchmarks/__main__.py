"""Run the comparisons: `python -m benchmarks [NAME...] [--quick] [--fsync]`, started by `bin/dev bench`."""

import argparse
import sys
from contextlib import nullcontext

from devtool import postgres
from devtool.output import DevError, say

from . import report, runner
from .cases import CASES


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/dev bench", description=f"comparisons: {', '.join(CASES)}")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which comparisons; all of them when none is named")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and one round: a few minutes, and no proof")
    parser.add_argument("--fsync", action="store_true", help="commits wait for the disk, as in production")
    options = parser.parse_args()
    unknown = set(options.names) - CASES.keys()
    if unknown:
        parser.error(f"no comparison {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    try:
        with postgres.durable() if options.fsync else nullcontext():
            for name in options.names or CASES:
                measure(name, options.quick)
    except DevError as error:
        say(f"bin/dev bench: {error.problem}\n  Remedy: {error.remedy}")
        return 1
    return 0


def measure(name: str, quick: bool) -> None:
    """Measure one comparison, print it, and write the page anew with it."""
    result = runner.measure(CASES[name], quick)
    report.keep(result)
    print(report.render_case(result), flush=True)
    report.write()


sys.exit(main())
