"""Run the comparisons: `python -m benchmarks [NAME...] [--quick]`, started by `bin/dev bench`."""

import argparse
import sys

from devtool.output import DevError, say

from . import report, runner
from .cases import CASES


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/dev bench", description=f"comparisons: {', '.join(CASES)}")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which comparisons; all of them when none is named")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and one round: a few minutes, and no proof")
    options = parser.parse_args()
    unknown = set(options.names) - CASES.keys()
    if unknown:
        parser.error(f"no comparison {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    for name in options.names or CASES:
        try:
            result = runner.measure(CASES[name], options.quick)
        except DevError as error:
            say(f"bin/dev bench: {error.problem}\n  Remedy: {error.remedy}")
            return 1
        report.keep(result)
        print(report.render_case(result), flush=True)
        report.write()
    return 0


sys.exit(main())
