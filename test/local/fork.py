"""Starts a child, prints both process ids, and goes on for ever."""

import os
import time

child = os.fork()
if child:
    print(f"{os.getpid()} {child}", flush=True)
time.sleep(600)
