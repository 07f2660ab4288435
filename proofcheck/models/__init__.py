"""Real-number semantics of architectures: weights to exact tables."""

from proofcheck.models.attention_only import AttentionOnly, Dimensions, PathTables
from proofcheck.models.weights import Weights, decode_weights

__all__ = ["AttentionOnly", "Dimensions", "PathTables", "Weights", "decode_weights"]
