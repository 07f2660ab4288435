"""Model files: train, load and save them, and convert TransformerLens models to them."""
