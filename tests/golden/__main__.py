"""`python -m tests.golden write | compare`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from probbound.certificates.certification import versions
from tests.golden.grid import digests

GOLDEN = Path(__file__).parent / "golden.json"


def main(arguments: list[str]) -> int:
    """0 if every digest is as it was, 1 if one differs, 2 if they cannot be compared."""
    if arguments == ["write"]:
        found = {"versions": versions(), "digests": dict(digests())}
        GOLDEN.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n")
        sys.stdout.write(f"{len(found['digests'])} digests written to {GOLDEN}\n")
        return 0
    if arguments != ["compare"]:
        sys.stderr.write("give write or compare\n")
        return 2
    golden = json.loads(GOLDEN.read_text())
    if golden["versions"] != versions():
        sys.stderr.write(f"written under {golden['versions']}, these are {versions()}\n")
        return 2
    found, wanted = dict(digests()), golden["digests"]
    other = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    for name in other:
        sys.stdout.write(f"{name}: {wanted.get(name)} is now {found.get(name)}\n")
    sys.stdout.write(f"{len(found) - len(other)} as they were, {len(other)} others\n")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
