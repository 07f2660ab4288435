"""Theorems that use what a maximum is."""
