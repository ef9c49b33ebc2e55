"""Imports modules one after another, whose names standard input has, a line each.

Standard output has a JSON array a line: the name, and null or the error. A module that ends the process ends it here too:
who asked goes on with the next one.
"""

import faulthandler
import json
import os
import signal
import sys

SECONDS = 60


def imported(name: str) -> str | None:
    signal.alarm(SECONDS)
    try:
        __import__(name)
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)
    return None


def slow(*_: object) -> None:
    message = f"no end after {SECONDS} s"
    raise TimeoutError(message)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_RDWR)
    names = sys.stdin.read().split()
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    faulthandler.disable()
    signal.signal(signal.SIGALRM, slow)
    sys.dont_write_bytecode = True
    sys.path.insert(0, sys.argv[1])
    sys.argv = ["import_all"]
    for name in names:
        print(json.dumps([name, imported(name)]), file=answers, flush=True)
    # Threads and exit handlers of what was imported have nothing to say.
    os._exit(0)


main()
