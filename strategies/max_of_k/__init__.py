"""Proof strategies for Max-of-K. A new strategy is a new file here and a line in `registry.py`."""
