"""Theorems about networks of one layer and one head."""
