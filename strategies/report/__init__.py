"""Reports: one HTML page about certificates. Untrusted; every verdict on a page is that of `proofcheck`."""
