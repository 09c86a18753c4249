"""LangChain with its Anthropic part: text, stream, tools, picture, what is wrong."""

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage

from report import (
    BASE_URL, MODEL, QUESTION, SCHEMA, SYSTEM, TEXT, TOKEN, TOOL_ANSWER, UNKNOWN_MODEL, WEATHER, WRONG_TOKEN,
    case, finish, picture,
)


def chat(model=MODEL, token=TOKEN):
    return ChatAnthropic(model=model, api_key=token, base_url=BASE_URL, max_retries=0, timeout=60, max_tokens=200)


def whole(message):
    return {"text": message.text, "calls": message.tool_calls, "usage": message.usage_metadata,
            "finish": message.response_metadata.get("stop_reason")}


PICTURE = HumanMessage(content=[
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture()}},
    {"type": "text", "text": QUESTION},
])
TOOL = {"name": "get_weather", "description": "Tells the weather", "input_schema": SCHEMA}


@case
def text():
    return whole(chat().invoke([("system", SYSTEM), ("user", TEXT)]))


@case
def stream():
    chunks = list(chat().stream(TEXT))
    return {**whole(sum(chunks[1:], chunks[0])), "chunks": len(chunks)}


@case
def tool():
    bound = chat().bind_tools([TOOL])
    ask = HumanMessage(content=WEATHER)
    said = bound.invoke([ask])
    after = bound.invoke([ask, said, ToolMessage(content=TOOL_ANSWER, tool_call_id=said.tool_calls[0]["id"])])
    return {**whole(said), "after": whole(after)}


@case
def image():
    return whole(chat().invoke([PICTURE]))


@case
def wrong_token():
    chat(token=WRONG_TOKEN).invoke(TEXT)


@case
def unknown_model():
    chat(model=UNKNOWN_MODEL).invoke(TEXT)


finish()
