"""Runs `cutover` command lines in forked children: the interpreter and its imports start once.

On stdin, a line of JSON a case: argv, environment, working directory, and the files that become
descriptors 0, 1 and 2. On stdout the exit code.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys

import cutover_tui.cli


def child(argv: list[str], environment: dict[str, str], cwd: str, files: list[str]) -> int:
    for descriptor, name in enumerate(files):
        opened = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOCTTY)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    try:
        return cutover_tui.cli.main(argv)
    except SystemExit as end:  # as argparse leaves
        return int(end.code or 0)
    finally:
        sys.stdout.flush()


def serve() -> None:
    for module in pkgutil.iter_modules(cutover_tui.cli.__path__):
        importlib.import_module(f"cutover_tui.cli.{module.name}")
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if not pid:
            code = 1  # an error that nobody caught: its traceback is printed as the interpreter would
            try:
                code = child(**json.loads(line))
            except BaseException:  # noqa: BLE001
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
