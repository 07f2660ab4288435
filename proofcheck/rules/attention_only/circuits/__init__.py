"""Bounds on the direct path and the QK circuit."""
