"""The OpenAI SDK, responses: text, stream, tools, picture, what is wrong."""

import json

import openai

from report import (
    BASE_URL, MODEL, QUESTION, SCHEMA, SYSTEM, TEXT, TOKEN, TOOL_ANSWER, UNKNOWN_MODEL, WEATHER, WRONG_TOKEN,
    case, data_url, finish,
)

client = openai.OpenAI(base_url=BASE_URL + "/v1", api_key=TOKEN, max_retries=0, timeout=60)
PICTURE = [{"role": "user", "content": [
    {"type": "input_text", "text": QUESTION},
    {"type": "input_image", "image_url": data_url(), "detail": "low"},
]}]
ASK_WEATHER = [{"role": "user", "content": WEATHER}]
TOOLS = [{"type": "function", "name": "get_weather", "description": "Tells the weather", "parameters": SCHEMA,
          "strict": True}]


def whole(response):
    return {
        "object": response.object,
        "id": response.id,
        "model": response.model,
        "status": response.status,
        "text": response.output_text,
        "usage": response.usage and response.usage.model_dump(exclude_none=True),
        "request_id": response._request_id,
    }


def streamed(stream):
    events, numbers, text, last = [], [], "", None
    for event in stream:
        numbers.append(event.sequence_number)
        if not events or events[-1] != event.type:
            events.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type in ("response.completed", "response.incomplete", "response.failed"):
            last = event.response
    calls = [{"name": item.name, "arguments": json.loads(item.arguments)}
             for item in (last.output if last else []) if item.type == "function_call"]
    return {
        "events": events,
        "in_order": numbers == list(range(numbers[0], numbers[0] + len(numbers))),
        "text": text,
        "calls": calls,
        "last": last and {"status": last.status, "text": last.output_text,
                          "usage": last.usage and last.usage.model_dump(exclude_none=True)},
    }


@case
def text():
    return whole(client.responses.create(model=MODEL, instructions=SYSTEM, input=TEXT, max_output_tokens=200))


@case
def stream():
    return streamed(client.responses.create(model=MODEL, instructions=SYSTEM, input=TEXT, stream=True))


@case
def tool():
    response = client.responses.create(model=MODEL, input=ASK_WEATHER, tools=TOOLS, store=False)
    call = next(item for item in response.output if item.type == "function_call")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": TOOL_ANSWER}
    said = [item.model_dump(exclude_none=True) for item in response.output]
    after = client.responses.create(model=MODEL, input=[*ASK_WEATHER, *said, result], tools=TOOLS, store=False)
    return {"id": call.call_id, "name": call.name, "arguments": json.loads(call.arguments), "after": whole(after)}


@case
def tool_stream():
    return streamed(client.responses.create(model=MODEL, input=ASK_WEATHER, tools=TOOLS, stream=True))


@case
def image():
    return whole(client.responses.create(model=MODEL, input=PICTURE))


@case
def image_stream():
    return streamed(client.responses.create(model=MODEL, input=PICTURE, stream=True))


@case
def wrong_token():
    client.with_options(api_key=WRONG_TOKEN).responses.create(model=MODEL, input=TEXT)


@case
def unknown_model():
    client.responses.create(model=UNKNOWN_MODEL, input=TEXT)


@case
def unknown_model_stream():
    streamed(client.responses.create(model=UNKNOWN_MODEL, input=TEXT, stream=True))


finish()
