"""``python -m velar_worker``: the supervisor. Its environment says where the runtime is."""

from __future__ import annotations

import os
import sys

from .lease import Settings
from .process_tree import adopt_orphans
from .supervisor import Supervisor

_NEEDED = ("VELAR_SOCKET", "VELAR_TOKEN", "VELAR_CONTAINER", "VELAR_BLOBS", "VELAR_WORKDIR")


def main() -> int:
    """The process's exit code: 2 for a missing variable, 4 when the runtime can't be reached."""
    missing = [name for name in _NEEDED if not os.environ.get(name)]
    if missing:
        sys.stderr.write("velar worker: %s must be set; the runtime does that.\n" % ", ".join(missing))
        return 2
    # The token must not reach user code, which inherits the rest.
    values = [os.environ.pop(name) for name in _NEEDED]
    adopt_orphans()
    try:
        lease = float(os.environ.pop("VELAR_LEASE_MS", "0")) / 1000.0
        supervisor = Supervisor(Settings(*values, lease=lease))
    except OSError as error:
        sys.stderr.write("velar worker: the runtime at %s can't be reached (%s).\n" % (values[0], error))
        return 4
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
