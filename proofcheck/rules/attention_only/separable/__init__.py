"""Theorem S: the sign of a margin is the sign of a sum of one-token terms; its corollaries."""
