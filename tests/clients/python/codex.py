"""Codex, the command: one prompt each of text and picture, its own output whole and streamed, what is wrong.

It asks for streams alone, of its own accord; "whole" and "streamed" are how it tells what it got.
"""

import json
import os
import pathlib
import subprocess

from report import BASE_URL, IMAGE, MODEL, QUESTION, TEXT, TOKEN, UNKNOWN_MODEL, WRONG_TOKEN, case, finish

HOME = pathlib.Path(os.environ["HOME"])
CONFIG = f"""
model_provider = "gateway"
check_for_update_on_startup = false

[model_providers.gateway]
name = "gateway"
base_url = "{BASE_URL}/v1"
env_key = "GATEWAY_TOKEN"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false
"""
(HOME / ".codex").mkdir(exist_ok=True)
(HOME / ".codex" / "config.toml").write_text(CONFIG)


def run(*words, model=MODEL, token=TOKEN):
    surroundings = {"HOME": str(HOME), "PATH": os.environ["PATH"], "GATEWAY_TOKEN": token}
    command = ["codex", "exec", "--skip-git-repo-check", "--sandbox", "read-only", "--model", model, *words]
    ran = subprocess.run(command, env=surroundings, cwd=HOME, stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=150)
    return {"code": ran.returncode, "text": ran.stdout.strip(), "complaint": ran.stderr.strip()[-600:]}


@case
def text():
    return run(TEXT)


@case
def stream():
    ran = run("--json", TEXT)
    events = [json.loads(line) for line in ran["text"].splitlines()]
    said = [event["item"]["text"] for event in events
            if event["type"] == "item.completed" and event["item"]["type"] == "agent_message"]
    usage = next((event["usage"] for event in events if event["type"] == "turn.completed"), None)
    kinds = [event["type"] for event in events]
    return {"code": ran["code"], "text": "".join(said), "events": kinds, "usage": usage, "complaint": ran["complaint"]}


@case
def image():
    return run("--image", IMAGE, "--", QUESTION)


@case
def wrong_token():
    return run(TEXT, token=WRONG_TOKEN)


@case
def unknown_model():
    return run(TEXT, model=UNKNOWN_MODEL)


finish()
