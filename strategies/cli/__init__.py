"""The command line of the untrusted side."""
