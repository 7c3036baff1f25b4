"""Runs Python tests and writes a summary to the file that VELAR_TEST_SUMMARY names.

    python scripts/test/python_suite.py test/python/test_x.py ...
"""

import importlib.util
import json
import os
import sys
import unittest


class CountingResult(unittest.TextTestResult):
    """Counts passes too; a subtest that fails is a failure of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.passed += 1


def load(path):
    """The tests of one file, imported under its own name."""
    name = os.path.splitext(os.path.basename(path))[0]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def main():
    if sys.version_info < (3, 9):
        sys.exit("Python %s is too old; install Python 3.9 or newer." % sys.version.split()[0])
    suite = unittest.TestSuite(load(path) for path in sys.argv[1:])
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=CountingResult)
    result = runner.run(suite)
    failures = [
        # The end of a traceback says what went wrong.
        {"title": str(test), "reason": "\n".join(text.strip().splitlines()[-8:])}
        for test, text in result.failures + result.errors
    ] + [
        {"title": str(test), "reason": "It was expected to fail and passed."}
        for test in result.unexpectedSuccesses
    ]
    summary = {
        "passed": result.passed,
        "failures": failures,
        "skipped": [{"title": str(test), "reason": reason} for test, reason in result.skipped],
    }
    with open(os.environ["VELAR_TEST_SUMMARY"], "w", encoding="utf-8") as file:
        json.dump(summary, file)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
