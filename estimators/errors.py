"""What the estimators raise."""


class EstimatorError(ValueError):
    """An input for which no interval can be promised; the message is one sentence."""
