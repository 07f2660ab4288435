"""Real-number semantics of architectures: weights to exact tables."""

from proofcheck.models.attention_only import AttentionOnly, Dimensions, PathTables
from proofcheck.models.weights import decode_weights

__all__ = ["AttentionOnly", "Dimensions", "PathTables", "decode_weights"]
