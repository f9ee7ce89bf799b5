"""Every type and shape annotated in probbound is checked while the tests run.

Not in estimators, whose arguments are NumPy's ArrayLike: beartype cannot check that.
"""

from tests.type_checks import install

install("probbound")
