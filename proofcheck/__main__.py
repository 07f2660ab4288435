"""`python -I -m proofcheck`: for processes that need the checker of this very interpreter. Not isolated, the package itself refuses."""

from proofcheck.cli.main import entry

if __name__ == "__main__":
    entry()
