"""The components of a transformer: names and shapes of their tensors, exact weights, and semantics in column arithmetic."""
