"""Bounds on the loss of one-layer, one-head networks on Max-of-K: docs/rules/loss-boxes.md."""
