"""Statistics that know no network: from samples of a bounded population to intervals."""

from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee, weakest
from estimators.interval import Interval, Side

__all__ = ["EstimatorError", "Guarantee", "Interval", "Side", "weakest"]
