"""Real-number semantics of architectures: weights to exact networks."""

from proofcheck.models.architecture import Architecture, Model, Options
from proofcheck.models.attention_only import AttentionOnly, PathTables
from proofcheck.models.dimensions import Dimensions
from proofcheck.models.transformer import Transformer
from proofcheck.models.weights import Weights, decode_weights

__all__ = ["Architecture", "AttentionOnly", "Dimensions", "Model", "Options", "PathTables", "Transformer", "Weights", "decode_weights"]
