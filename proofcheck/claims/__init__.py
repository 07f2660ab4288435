"""Claims: what a certificate may say about a network and a task."""

from proofcheck.claims.claim import Claim, ClaimKind

__all__ = ["Claim", "ClaimKind"]
