"""Reads a report of pytest, and prints one line a test: what came of it, its name, why it failed."""

import sys
import xml.etree.ElementTree as tree

for test in tree.parse(sys.argv[1]).iter("testcase"):
    name = test.get("classname", "").removeprefix("tests.api_resources.") + "." + test.get("name", "")
    outcome = next((part for part in test if part.tag in ("failure", "error", "skipped")), None)
    if outcome is None:
        print("passed", name)
    else:
        why = " ".join((outcome.get("message") or "").split())
        print(outcome.tag, name, why[:300])
