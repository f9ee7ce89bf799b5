"""Every annotated shape is checked while the tests run."""

from jaxtyping import install_import_hook

install_import_hook(["estimators", "probbound"], "beartype.beartype")
