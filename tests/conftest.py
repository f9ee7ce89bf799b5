"""Every shape annotated in probbound is checked while the tests run.

Not in estimators, whose arguments are NumPy's ArrayLike: beartype cannot check that.
"""

from jaxtyping import install_import_hook

install_import_hook("probbound", "beartype.beartype")
