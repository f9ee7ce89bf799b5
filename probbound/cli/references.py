"""What an agreement with another framework's logits says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probbound.cli.output import at_most

if TYPE_CHECKING:
    from probbound.models.reference import Reference


def in_words(reference: Reference) -> str:
    """In a line."""
    sequences = f"{reference.sequences:,} {'sequence' if reference.sequences == 1 else 'sequences'}"
    return (
        f"logits of another framework on {sequences} agree within "
        f"{at_most(reference.largest_difference)}; {reference.precision} explains "
        f"{at_most(reference.allowed)}"
    )
