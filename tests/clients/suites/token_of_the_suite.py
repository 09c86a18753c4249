"""Lets a suite that is written for a server without keys ask with a token: its own placeholder is replaced, no test is."""

import os
import sys


def pytest_collection_modifyitems():
    conftest = sys.modules.get("tests.conftest") or sys.modules["conftest"]
    conftest.api_key = os.environ["TOKEN"]
