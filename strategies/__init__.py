"""The untrusted side: trains models, searches for proofs and writes certificates; nothing here is ever believed."""
