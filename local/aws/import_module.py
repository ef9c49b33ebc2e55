"""Imports a module as a function's start does, so that what goes wrong is told in full: import_module.py MODULE"""

import importlib
import sys

importlib.import_module(sys.argv[1])
