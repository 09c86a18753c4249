"""The Anthropic SDK: text, stream, tools, picture, thinking off, counting, models, what is wrong."""

import anthropic

from report import (
    BASE_URL, MODEL, QUESTION, SCHEMA, SYSTEM, TEXT, TOKEN, TOOL_ANSWER, UNKNOWN_MODEL, WEATHER, WRONG_TOKEN,
    case, finish, picture,
)

client = anthropic.Anthropic(base_url=BASE_URL, api_key=TOKEN, max_retries=0, timeout=60)
PROMPT = [{"role": "user", "content": TEXT}]
PICTURE = [{"role": "user", "content": [
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture()}},
    {"type": "text", "text": QUESTION},
]}]
ASK_WEATHER = [{"role": "user", "content": WEATHER}]
TOOLS = [{"name": "get_weather", "description": "Tells the weather", "input_schema": SCHEMA}]


def whole(message):
    return {
        "id": message.id,
        "type": message.type,
        "model": message.model,
        "text": "".join(block.text for block in message.content if block.type == "text"),
        "calls": [{"id": block.id, "name": block.name, "arguments": block.input}
                  for block in message.content if block.type == "tool_use"],
        "finish": message.stop_reason,
        "usage": message.usage.model_dump(exclude_none=True),
        "request_id": getattr(message, "_request_id", None),
    }


def streamed(**request):
    events = []
    with client.messages.stream(model=MODEL, max_tokens=200, **request) as stream:
        for event in stream:
            # The SDK adds events of its own, which have no dot and no underscore.
            if "_" in event.type and (not events or events[-1] != event.type):
                events.append(event.type)
        return {**whole(stream.get_final_message()), "events": events}


@case
def text():
    return whole(client.messages.create(model=MODEL, max_tokens=200, system=SYSTEM, messages=PROMPT))


@case
def bearer():
    other = anthropic.Anthropic(base_url=BASE_URL, auth_token=TOKEN, max_retries=0, timeout=60)
    return whole(other.messages.create(model=MODEL, max_tokens=200, messages=PROMPT))


@case
def stream():
    return streamed(system=SYSTEM, messages=PROMPT)


@case
def cached_system():
    system = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    return whole(client.messages.create(model=MODEL, max_tokens=200, system=system, messages=PROMPT))


@case
def tool():
    message = client.messages.create(model=MODEL, max_tokens=200, messages=ASK_WEATHER, tools=TOOLS)
    said = {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]}
    call = next(block for block in message.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": TOOL_ANSWER}
    messages = [*ASK_WEATHER, said, {"role": "user", "content": [result]}]
    after = client.messages.create(model=MODEL, max_tokens=200, messages=messages, tools=TOOLS)
    return {**whole(message), "after": whole(after)}


@case
def tool_stream():
    return streamed(messages=ASK_WEATHER, tools=TOOLS)


@case
def image():
    return whole(client.messages.create(model=MODEL, max_tokens=200, messages=PICTURE))


@case
def image_stream():
    return streamed(messages=PICTURE)


@case
def count():
    return {"tokens": client.messages.count_tokens(model=MODEL, messages=PROMPT).input_tokens}


@case
def models():
    return [model.id for model in client.models.list()]


@case
def model():
    found = client.models.retrieve(MODEL)
    return {"id": found.id, "type": found.type}


@case
def wrong_token():
    client.with_options(api_key=WRONG_TOKEN).messages.create(model=MODEL, max_tokens=9, messages=PROMPT)


@case
def unknown_model():
    client.messages.create(model=UNKNOWN_MODEL, max_tokens=9, messages=PROMPT)


@case
def unknown_model_stream():
    for _ in client.messages.create(model=UNKNOWN_MODEL, max_tokens=9, messages=PROMPT, stream=True):
        pass


@case
def bad_request():
    client.messages.create(model=MODEL, max_tokens="many", messages=PROMPT)


@case
def files():
    # The SDK asks for the next page by itself. The pictures that were asked about are files of the agent's, too.
    made = [client.beta.files.upload(file=("a.txt", b"hello", "text/plain"), expires_in_seconds=3600) for _ in range(3)]
    listed = [file.id for file in client.beta.files.list(limit=2)]
    for file in client.beta.files.list(limit=1):
        client.beta.files.delete(file.id)
    is_whole = len(set(listed)) == len(listed) and {file.id for file in made} <= set(listed)
    return {"lasts": round((made[0].expires_at - made[0].created_at).total_seconds()), "listed": is_whole,
            "left": len(client.beta.files.list().data)}


finish()
