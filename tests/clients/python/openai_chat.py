"""The OpenAI SDK, chat completions: text, stream, tools, picture, structured output, what is wrong."""

import json

import openai

from report import (
    BASE_URL, MODEL, QUESTION, SCHEMA, SYSTEM, TEXT, TOKEN, TOOL_ANSWER, UNKNOWN_MODEL, WEATHER, WRONG_TOKEN,
    case, data_url, finish,
)

client = openai.OpenAI(base_url=BASE_URL + "/v1", api_key=TOKEN, max_retries=0, timeout=60)
PROMPT = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": TEXT}]
PICTURE = [{"role": "user", "content": [
    {"type": "text", "text": QUESTION},
    {"type": "image_url", "image_url": {"url": data_url(), "detail": "low"}},
]}]
ASK_WEATHER = [{"role": "user", "content": WEATHER}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Tells the weather",
                                           "parameters": SCHEMA}}]


def whole(completion):
    choice = completion.choices[0]
    return {
        "object": completion.object,
        "id": completion.id,
        "model": completion.model,
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "usage": completion.usage and completion.usage.model_dump(exclude_none=True),
        "request_id": completion._request_id,
    }


def streamed(stream):
    texts, calls, seen = [], {}, {"finish": [], "usage": None, "chunks": 0, "ids": set(), "role": None}
    for chunk in stream:
        seen["chunks"] += 1
        seen["ids"].add(chunk.id)
        seen["usage"] = chunk.usage and chunk.usage.model_dump(exclude_none=True) or seen["usage"]
        for choice in chunk.choices:
            seen["role"] = choice.delta.role or seen["role"]
            texts.append(choice.delta.content or "")
            seen["finish"] += [choice.finish_reason] if choice.finish_reason else []
            for part in choice.delta.tool_calls or []:
                call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
                call["id"] = part.id or call["id"]
                call["name"] += part.function.name or ""
                call["arguments"] += part.function.arguments or ""
    seen.update(text="".join(texts), deltas=len([text for text in texts if text]), ids=len(seen["ids"]))
    seen["calls"] = list(calls.values())
    return seen


@case
def text():
    return whole(client.chat.completions.create(model=MODEL, messages=PROMPT, max_completion_tokens=200))


@case
def stream():
    options = {"include_usage": True}
    return streamed(client.chat.completions.create(model=MODEL, messages=PROMPT, stream=True, stream_options=options))


@case
def stream_without_usage():
    return streamed(client.chat.completions.create(model=MODEL, messages=PROMPT, stream=True))


@case
def tool():
    completion = client.chat.completions.create(model=MODEL, messages=ASK_WEATHER, tools=TOOLS)
    call = completion.choices[0].message.tool_calls[0]
    said = completion.choices[0].message.model_dump(exclude_none=True)
    result = {"role": "tool", "tool_call_id": call.id, "content": TOOL_ANSWER}
    after = client.chat.completions.create(model=MODEL, messages=[*ASK_WEATHER, said, result], tools=TOOLS)
    return {
        "id": call.id, "type": call.type, "name": call.function.name, "arguments": json.loads(call.function.arguments),
        "finish": completion.choices[0].finish_reason, "after": whole(after),
    }


@case
def tool_stream():
    return streamed(client.chat.completions.create(model=MODEL, messages=ASK_WEATHER, tools=TOOLS, stream=True))


@case
def image():
    return whole(client.chat.completions.create(model=MODEL, messages=PICTURE))


@case
def image_stream():
    return streamed(client.chat.completions.create(model=MODEL, messages=PICTURE, stream=True))


@case
def image_file():
    import os

    with open(os.environ["IMAGE"], "rb") as file:
        uploaded = client.files.create(file=file, purpose="vision")
    content = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": uploaded.id}}]
    seen = whole(client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}]))
    return {**seen, "file": uploaded.id}


@case
def structured():
    answer = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}}
    completion = client.chat.completions.create(model=MODEL, messages=PROMPT, response_format=answer)
    return whole(completion)


@case
def without_v1():
    plain = client.with_options(base_url=BASE_URL)
    return whole(plain.chat.completions.create(model=MODEL, messages=PROMPT))


@case
def wrong_token():
    client.with_options(api_key=WRONG_TOKEN).chat.completions.create(model=MODEL, messages=PROMPT)


@case
def wrong_token_stream():
    for _ in client.with_options(api_key=WRONG_TOKEN).chat.completions.create(
            model=MODEL, messages=PROMPT, stream=True):
        pass


@case
def unknown_model():
    client.chat.completions.create(model=UNKNOWN_MODEL, messages=PROMPT)


@case
def bad_request():
    client.chat.completions.create(model=MODEL, messages=PROMPT, temperature="warm")


finish()
