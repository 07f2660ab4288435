"""All strategies by name."""

from __future__ import annotations

from strategies.max_of_k import exact, exhaustive, grouped, separable, shared_windows, subcubic, windows, windows_exact
from strategies.max_of_k.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        *exhaustive.STRATEGIES,
        *subcubic.STRATEGIES,
        *separable.STRATEGIES,
        *exact.STRATEGIES,
        *windows.STRATEGIES,
        *windows_exact.STRATEGIES,
        *shared_windows.STRATEGIES,
        *grouped.STRATEGIES,
    )
}
