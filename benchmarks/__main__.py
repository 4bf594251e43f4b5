"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="symstack beside its peers.")
    commands = parser.add_subparsers(dest="command", required=True)

    measuring = argparse.ArgumentParser(add_help=False)
    measuring.add_argument("-w", "--workload", default="", metavar="REGEX", help="only workloads whose name matches")
    measuring.add_argument("-c", "--contender", default="", metavar="REGEX", help="only contenders whose name matches")
    measuring.add_argument("-t", "--threads", type=int, default=1, help="threads of every library (default 1)")

    add = commands.add_parser
    run = add("run", parents=[measuring], help="time per call, all contenders taking turns")
    run.add_argument("--quick", action="store_true", help="fewer workloads, no slow compilers, under 3 minutes")
    add(
        "compile",
        parents=[measuring],
        help="cold and warm time to the first result, and memory",
    )
    add("rewrite", parents=[measuring], help="time to the rewritten graph of layer chains")
    memory = add("memory", help="memory of training steps beside inputs and parameters, 2 minutes")
    memory.add_argument("-w", "--workload", default="", metavar="REGEX", help="only networks whose name matches")
    memory.add_argument("-c", "--contender", default="", metavar="REGEX", help="only contenders whose name matches")
    mathematics = add("mathematics", help="nanoseconds per element and errors of elementwise functions, 5 minutes")
    mathematics.add_argument("-w", "--workload", default="", metavar="REGEX", help="only functions whose name matches")
    mathematics.add_argument("-c", "--contender", default="", metavar="REGEX", help="only libraries whose name matches")
    mathematics.add_argument("--no-errors", action="store_true", help="times only, 2 minutes")
    imports = add("imports", help="CPU time of imports")
    imports.add_argument("-c", "--contender", default="", metavar="REGEX", help="only modules whose name matches")
    imports.add_argument("--quick", action="store_true", help="5 processes each, not 20")
    add("report", help="print all tables again and write results/REPORT.md")
    add("list", help="list workloads and contenders")
    setup = add("setup", help="create or update the environment of the peers, benchmarks/.env")
    setup.add_argument("--fresh", action="store_true", help="start from an empty environment")
    setup.add_argument("--ours-only", action="store_true", help="only install the packages of this tree again")
    setup.add_argument("pip", nargs="*", metavar="-- PIP ARGUMENT", help="handed on to pip, after --")
    return parser


def _list() -> int:
    from benchmarks.contenders import CONTENDERS
    from benchmarks.workloads import WORKLOADS

    for workload in WORKLOADS.values():
        print(f"{workload.name:20} {workload.group}{', quick' if workload.quick else ''}")
    print()
    for entry in CONTENDERS.values():
        print(f"{entry.name:20} {entry.role}{', ' + entry.only + ' only' if entry.only else ''}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; modules are imported on use, so that ``setup`` works in an interpreter without NumPy."""
    given = _parser().parse_args(arguments)
    match given.command:
        case "setup":
            from benchmarks.setup_env import install_ours, setup

            return install_ours(given.pip) if given.ours_only else setup(given.fresh, given.pip)
        case "run":
            from benchmarks.run import run

            return run(given.workload, given.contender, given.threads, given.quick)
        case "compile":
            from benchmarks.compile_latency import compile_latency

            return compile_latency(given.workload, given.contender, given.threads)
        case "rewrite":
            from benchmarks.compile_latency import rewrite_time

            return rewrite_time(given.workload, given.contender, given.threads)
        case "imports":
            from benchmarks.imports import imports

            return imports(given.contender, given.quick)
        case "memory":
            from benchmarks.memory import memory

            return memory(given.workload, given.contender)
        case "mathematics":
            from benchmarks.mathematics import mathematics

            return mathematics(given.workload, given.contender, not given.no_errors)
        case "report":
            from benchmarks.report import report

            return report()
        case _:
            return _list()


if __name__ == "__main__":
    sys.exit(main())
