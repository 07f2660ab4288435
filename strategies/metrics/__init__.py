"""What is reported about certificates: cost classes, normalized bounds, tables. Nothing here is trusted."""
