"""What the Python tests share. Importing it puts the SDK and the worker of this checkout on the path."""

import os
import sys

PACKAGES = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "..", "runtime", "python"))
if PACKAGES not in sys.path:
    sys.path.insert(0, PACKAGES)
