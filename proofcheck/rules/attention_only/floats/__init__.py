"""Float evaluations: how far they can be from the exact network."""
