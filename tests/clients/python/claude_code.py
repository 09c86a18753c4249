"""Claude Code, the command: one prompt each of text and picture, its own output whole and streamed, what is wrong.

It asks for streams alone, of its own accord; "whole" and "streamed" are how it tells what it got.
"""

import json
import os
import subprocess

from report import BASE_URL, MODEL, QUESTION, TEXT, TOKEN, UNKNOWN_MODEL, WRONG_TOKEN, case, finish, picture

# `--strict-mcp-config` and the home of the test's own: no settings of whoever runs the tests take part.
ALWAYS = ["claude", "--print", "--strict-mcp-config"]
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
}


def run(*words, model=MODEL, token=TOKEN, stdin=""):
    surroundings = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], **QUIET,
                    "ANTHROPIC_BASE_URL": BASE_URL, "ANTHROPIC_API_KEY": token, "ANTHROPIC_SMALL_FAST_MODEL": model}
    ran = subprocess.run([*ALWAYS, "--model", model, *words], env=surroundings, cwd=os.environ["HOME"], input=stdin,
                         capture_output=True, text=True, timeout=150)
    return {"code": ran.returncode, "text": ran.stdout.strip(), "complaint": ran.stderr.strip()[-400:]}


def events(*words, **options):
    ran = run("--output-format", "stream-json", "--include-partial-messages", "--verbose", *words, **options)
    lines = [json.loads(line) for line in ran["text"].splitlines()]
    result = next((line for line in lines if line["type"] == "result"), None)
    deltas = [line["event"]["delta"]["text"] for line in lines
              if line["type"] == "stream_event" and line["event"].get("delta", {}).get("type") == "text_delta"]
    kinds = []
    for line in lines:
        if line["type"] == "stream_event" and (not kinds or kinds[-1] != line["event"]["type"]):
            kinds.append(line["event"]["type"])
    return {"code": ran["code"], "text": result and result.get("result"), "error": result and result.get("is_error"),
            "streamed": "".join(deltas), "events": kinds, "usage": result and result.get("usage"),
            "complaint": ran["complaint"]}


@case
def text():
    return run(TEXT)


@case
def text_json():
    ran = run("--output-format", "json", TEXT)
    return {**ran, "text": json.loads(ran["text"])["result"]}


@case
def stream():
    return events(TEXT)


@case
def image():
    source = {"type": "base64", "media_type": "image/png", "data": picture()}
    content = [{"type": "image", "source": source}, {"type": "text", "text": QUESTION}]
    line = json.dumps({"type": "user", "message": {"role": "user", "content": content}}) + "\n"
    return events("--input-format", "stream-json", stdin=line)


@case
def wrong_token():
    return run(TEXT, token=WRONG_TOKEN)


@case
def unknown_model():
    return run(TEXT, model=UNKNOWN_MODEL)


finish()
