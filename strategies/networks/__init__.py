"""Transformers of any options: description, training, export, exhaustive certificates."""
