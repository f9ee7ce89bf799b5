"""Cells as a careless hand or a forger leaves them."""

from __future__ import annotations

import hashlib
import json

from probbound.certificates.format import SEAL, canonical, sealed


def alter(path, change, *, reseal):
    """Change the parsed record; `reseal` says which digests are computed again: how far it goes."""
    found = json.loads(path.read_text())
    change(found)
    if reseal == "all" and found["certificate"] is not None:
        fields = {k: v for k, v in found["certificate"].items() if k not in ("hex", SEAL)}
        found["certificate"] = sealed(fields)
    if reseal != "none":
        fields = {k: v for k, v in found.items() if k != SEAL}
        found[SEAL] = hashlib.sha256(canonical(fields)).hexdigest()
    path.write_text(json.dumps(found))


def certificate(change):
    return lambda found: change(found["certificate"])


def put(*path):
    *inner, last, value = path

    def change(found):
        for name in inner:
            found = found[name]
        found[last] = value

    return change
