"""The forward pass of docs/semantics.md, one sequence at a time."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.exact import add_row, dot, plus, product
from tests.second_checker.intervals import ZERO, Interval, certainly_at_most_zero, certainly_positive, enclose, exp, sqrt, total
from tests.second_checker.weights import Network, Vector


class ForwardPass:
    """What a position contributes depends on its place and token alone; those vectors are kept, exact."""

    def __init__(self, network: Network, margin: Fraction = Fraction(0)) -> None:
        self.network = net = network
        self.margin = margin
        self.root = sqrt(net.d_head)
        residual = [add_row(net.W_E, row) for row in net.W_pos]  # [position][token] → vector
        self.key = [add_row(product(rows, net.W_K), net.b_K) for rows in residual]
        values = [product(add_row(product(rows, net.W_V), net.b_V), net.W_O) for rows in residual]
        self.value_logits = [product(rows, net.W_U) for rows in values]
        last = residual[-1]
        self.query = add_row(product(last, net.W_Q), net.b_Q)
        self.direct_logits: list[Vector] = [plus(row, net.b_U) for row in product(add_row(last, net.b_O), net.W_U)]
        self._values: dict[tuple[int, int], list[Interval]] = {}
        self._exponentials: dict[tuple[int, int, int], Interval] = {}
        self._direct: dict[int, list[Interval]] = {}

    def score(self, query: int, position: int, token: int) -> Fraction:
        """The score of one position times √d_head."""
        return dot(self.query[query], self.key[position][token])

    def exponential(self, query: int, position: int, token: int) -> Interval:
        """exp(score) of one position."""
        place = (query, position, token)
        if place not in self._exponentials:
            self._exponentials[place] = exp(enclose(self.score(query, position, token)) / self.root)
        return self._exponentials[place]

    def value(self, position: int, token: int) -> list[Interval]:
        """Enclosed logits that full attention to this position adds."""
        place = (position, token)
        if place not in self._values:
            self._values[place] = [enclose(entry) for entry in self.value_logits[position][token]]
        return self._values[place]

    def logits(self, sequence: tuple[int, ...]) -> list[Interval]:
        """The logits at the last position."""
        query = sequence[-1]
        if query not in self._direct:
            self._direct[query] = [enclose(entry) for entry in self.direct_logits[query]]
        weights = [self.exponential(query, position, token) for position, token in enumerate(sequence)]
        normalizer = total(weights)
        attention = [weight / normalizer for weight in weights]
        result = []
        for output in range(self.network.d_vocab):
            mixed = ZERO
            for position, token in enumerate(sequence):
                mixed = mixed + attention[position] * self.value(position, token)[output]
            result.append(self._direct[query][output] + mixed)
        return result

    def answer(self, sequence: tuple[int, ...]) -> bool | None:
        """True: the logit of the largest token is certainly more than the margin above every other. False: not. None: undecided."""
        right = max(sequence)
        logits, margin = self.logits(sequence), enclose(self.margin)
        others = [token for token in range(len(logits)) if token != right]
        if all(certainly_positive(logits[right] - margin - logits[token]) for token in others):
            return True
        if any(
            certainly_at_most_zero(logits[right] - margin - logits[token]) or self.never_beaten(sequence, token, right) for token in others
        ):
            return False
        return None

    def never_beaten(self, sequence: tuple[int, ...], token: int, right: int) -> bool:
        """The logit of `token` is at least that of `right` whatever the attention, positive and of sum 1. Decides ties."""
        direct = self.direct_logits[sequence[-1]]
        values = (self.value_logits[position][seen] for position, seen in enumerate(sequence))
        return all(direct[right] - self.margin + value[right] <= direct[token] + value[token] for value in values)
