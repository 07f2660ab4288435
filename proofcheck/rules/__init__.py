"""All rules by name. A new lemma is a new file in this folder and a line here."""

from types import MappingProxyType

from proofcheck.rules import count_classes, cubic, enumeration, path_expansion, sum_blocks
from proofcheck.rules.rule import Rule

RULES: MappingProxyType[str, Rule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            path_expansion.RULE,
            enumeration.RULE,
            cubic.RULE,
            count_classes.RULE,
            sum_blocks.RULE,
        )
    }
)

__all__ = ["RULES", "Rule"]
