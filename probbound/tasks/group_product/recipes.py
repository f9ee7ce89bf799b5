"""What the strategies of this task run, by name."""

from __future__ import annotations

from probbound.tasks.group_product.grammar import GRAMMAR
from probbound.tasks.pairs.recipes import PairRecipes

recipe_of = PairRecipes(GRAMMAR).of
