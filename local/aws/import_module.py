"""Import a module as a function's start does, to show the complete traceback: import_module.py MODULE"""

import importlib
import sys

importlib.import_module(sys.argv[1])
