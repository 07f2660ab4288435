"""A second checker of proofcheck certificates, written from docs/ alone: README.md."""
