"""Runs a program as Python does, and ends when the process that started it does: supervised.py PROGRAM [ARGUMENT...]

PROGRAM is the path of a file, or the name of a module as after `python -m`.

File descriptor 3 is a pipe whose other end only the parent holds: it closes when the parent ends, however it ends.
"""

import os
import runpy
import signal
import sys
import threading


def end_with_parent():
    os.read(3, 1)
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()

# The folder of this file, which Python puts first.
del sys.path[0]
del sys.argv[0]
if sys.argv[0].endswith(".py"):
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
