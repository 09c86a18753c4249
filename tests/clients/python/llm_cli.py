"""`llm`, the command: an OpenAI endpoint and the Anthropic plugin, text, stream, picture, what is wrong."""

import os
import subprocess
import sys

from report import BASE_URL, IMAGE, MODEL, QUESTION, TEXT, TOKEN, UNKNOWN_MODEL, WRONG_TOKEN, case, finish

LLM = os.path.join(os.path.dirname(sys.executable), "llm")


def run(*words, model=MODEL, token=TOKEN):
    return call("openai", "endpoint", BASE_URL + "/v1", "-m", model, "--key", token, *words)


def call(*words):
    command = [LLM, *words]
    environment = {**os.environ, "ANTHROPIC_BASE_URL": BASE_URL, "ANTHROPIC_API_KEY": TOKEN}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                         timeout=120)
    return {"code": ran.returncode, "text": ran.stdout.strip(), "complaint": ran.stderr.strip()[-400:]}


@case
def text():
    return run("--no-stream", TEXT)


@case
def stream():
    return run(TEXT)


@case
def image():
    return run(QUESTION, "-a", IMAGE)


@case
def plugin():
    # It knows its own models alone, by their bare names.
    return call("--no-log", "-m", "claude-sonnet-4.5", QUESTION, "-a", IMAGE)


@case
def models():
    return run("--models")


@case
def wrong_token():
    return run(TEXT, token=WRONG_TOKEN)


@case
def unknown_model():
    return run(TEXT, model=UNKNOWN_MODEL)


finish()
