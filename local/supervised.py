"""Run a program as Python does, and end with the parent process: supervised.py PROGRAM [ARGUMENT...]

PROGRAM is the path of a file, or the name of a module as after `python -m`.

LOCAL_DEBUGPY, if set, contains the folder of debugpy, a colon, and the port for a debugger.

File descriptor 3 is a pipe whose other end only the parent holds: it closes when the parent ends, even if it is killed.
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

debugger = os.environ.pop("LOCAL_DEBUGPY", None)


def await_debugger():
    global debugger
    if not debugger:
        return
    folder, _, port = debugger.rpartition(":")
    debugger = None
    # Last on the path, so that packages beside debugpy do not replace those of the function.
    sys.path.append(folder)
    import debugpy

    debugpy.listen(("127.0.0.1", int(port)))
    sys.path.remove(folder)


if sys.argv[1] == "functions_framework":
    # debugpy's server answers in a process that it forks.
    os.register_at_fork(after_in_child=await_debugger)
else:
    await_debugger()

# Python puts the folder of this file first on the path.
del sys.path[0]
del sys.argv[0]
if sys.argv[0].endswith(".py"):
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
