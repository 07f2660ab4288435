"""Theorems about any network and any task."""
