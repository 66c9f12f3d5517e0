"""Executes a notebook: python execute.py NOTEBOOK RESULT. The result is written with what a failing cell said too."""

import sys

import nbformat
from nbclient import NotebookClient

source, result = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
client = NotebookClient(notebook, timeout=600, coalesce_streams=True, record_timing=False)
try:
    client.execute()
finally:
    nbformat.write(notebook, result)
