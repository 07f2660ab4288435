"""Certificates as pytest items: `pytest --certificates DIR`, or `proofcheck_certificates = DIR …` in the ini file. Off unless asked.

Each file `*.json` or `*.json.gz` below DIR is one item, which passes if the certificate verifies and is what `certificates.toml` beside it
expects (docs/pytest.md). This module is loaded by every pytest run of an environment that has proofcheck: it imports nothing heavy.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ENDINGS = (".json", ".json.gz")
EXPECTATIONS = "certificates.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """--certificates, --certificates-backend, and the ini names proofcheck_certificates, proofcheck_backend."""
    group = parser.getgroup("proofcheck", "certificates of proofcheck")
    words = "collect the certificates below PATH (a folder or one file; may be repeated)"
    group.addoption("--certificates", action="append", default=[], metavar="PATH", help=words)
    group.addoption(
        "--certificates-backend", choices=("fast", "arb"), help="arithmetic of the checker (default: the ini file's, else fast)"
    )
    parser.addini("proofcheck_certificates", "folders with certificates to collect when no files are named", type="paths", default=[])
    parser.addini("proofcheck_backend", "arithmetic of the checker: fast or arb", default="fast")


def pytest_configure(config: pytest.Config) -> None:
    """Add the asked-for places to what is collected. UsageError where one does not exist."""
    asked = [config.invocation_params.dir / place for place in config.getoption("certificates")]
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    listed = [] if asked or named else config.getini("proofcheck_certificates")
    places = [Path(place).resolve() for place in [*asked, *listed]]
    for place in places:
        if not place.exists():
            raise pytest.UsageError(f"no certificates at {place}: --certificates and proofcheck_certificates take folders or files")
    config.stash[PLACES] = places
    if asked and not named:
        config.args = []  # certificates alone were asked for
    config.args += [str(place) for place in places if str(place) not in config.args]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A collector for each certificate at the places that were asked for."""
    places = parent.config.stash.get(PLACES, [])
    if not any(file_path == place or place in file_path.parents for place in places):
        return None
    if file_path.name == EXPECTATIONS:
        from pytest_proofcheck.items import Expectations

        return Expectations.from_parent(parent, path=file_path)
    if not file_path.name.endswith(ENDINGS):
        return None
    from pytest_proofcheck.items import CertificateFile

    return CertificateFile.from_parent(parent, path=file_path)


PLACES = pytest.StashKey[list[Path]]()
