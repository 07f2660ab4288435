"""The published study again: its programs in floating point, its ablations, tables and figures. Nothing here is trusted."""
