# SPDX-License-Identifier: GPL-2.0-only
"""
Runs the unittest cases of a script and prints the results as KTAP.
"""

import sys
import unittest


class Result(unittest.TestResult):
    """Prints a line for each test as it ends, what went wrong above it."""

    def __init__(self, group):
        super().__init__()
        self.group = group
        self.number = 0

    def line(self, outcome, test, directive=""):
        self.number += 1
        name = test.id().split(".")[-1].removeprefix("test_")
        # Distinguishes the cases of a class that runs once per version.
        if hasattr(test, "label"):
            name = f"{test.label} {name}"
        print(f"{outcome} {self.number} {self.group}: {name}{directive}", flush=True)

    def fail(self, test, error):
        lines = self._exc_info_to_string(error, test).rstrip().split("\n")
        print("\n".join("# " + line for line in lines))
        self.line("not ok", test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)


def run(group):
    """Runs all cases of the script that is being run, in their order there."""
    loader = unittest.TestLoader()
    loader.sortTestMethodsUsing = None
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    print(f"KTAP version 1\n1..{suite.countTestCases()}", flush=True)
    result = Result(group)
    suite.run(result)
    sys.exit(not result.wasSuccessful())
