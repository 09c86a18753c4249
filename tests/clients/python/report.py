"""What every script of a client shares: its surroundings, the cases one after another, one JSON object at the end.

Knows no client: a case is a function, and what it raises is told by class, status and text.
"""

import base64
import json
import os
import sys

BASE_URL = os.environ["BASE_URL"]
TOKEN = os.environ["TOKEN"]
MODEL = os.environ["MODEL"]
IMAGE = os.environ["IMAGE"]

WRONG_TOKEN = "creel-wrong-token-0123456789abcdef"
UNKNOWN_MODEL = "nowhere/no-such-model"
SYSTEM = "You are terse."
TEXT = "say pong"
QUESTION = "what is on the picture"
WEATHER = "what is the weather in Paris"
TOOL_ANSWER = "18 degrees and rain"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "A city"}},
    "required": ["city"],
    "additionalProperties": False,
}

_seen = {}


def picture():
    """The picture in base64."""
    with open(IMAGE, "rb") as file:
        return base64.b64encode(file.read()).decode()


def data_url():
    """The picture as a URL that holds it."""
    return "data:image/png;base64," + picture()


def fault(error):
    """What an exception of a client says: its class with its bases, the status, the body and the request id."""
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", None) or {}
    body = getattr(error, "body", None)
    try:
        json.dumps(body)
    except TypeError:
        body = str(body)
    return {
        "class": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__[1:-2]],
        "status": getattr(error, "status_code", None) or getattr(error, "code", None),
        "request_id": getattr(error, "request_id", None) or headers.get("x-request-id") or headers.get("request-id"),
        "body": body,
        "message": str(error),
    }


def case(function):
    """Runs a case now, and keeps what it returns or raises under its name."""
    try:
        _seen[function.__name__] = function()
    except Exception as error:  # The point is to see whatever a client makes of an answer.
        _seen[function.__name__] = {"error": fault(error)}
    return function


def finish():
    """Prints what was seen."""
    json.dump(_seen, sys.stdout)
    print()
