"""LangChain with its OpenAI part: text, stream, tools, picture, structured output, responses, what is wrong."""

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from report import (
    BASE_URL, MODEL, QUESTION, SCHEMA, SYSTEM, TEXT, TOKEN, TOOL_ANSWER, UNKNOWN_MODEL, WEATHER, WRONG_TOKEN,
    case, data_url, finish,
)


def chat(model=MODEL, token=TOKEN, **more):
    return ChatOpenAI(model=model, api_key=token, base_url=BASE_URL + "/v1", max_retries=0, timeout=60, **more)


def whole(message):
    return {"text": message.text, "calls": message.tool_calls, "usage": message.usage_metadata,
            "finish": message.response_metadata.get("finish_reason")}


PICTURE = HumanMessage(content=[{"type": "text", "text": QUESTION},
                                {"type": "image_url", "image_url": {"url": data_url()}}])
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Tells the weather",
                                         "parameters": SCHEMA}}


@case
def text():
    return whole(chat().invoke([("system", SYSTEM), ("user", TEXT)]))


@case
def stream():
    chunks = list(chat(stream_usage=True).stream(TEXT))
    whole_message = sum(chunks[1:], chunks[0])
    return {**whole(whole_message), "chunks": len(chunks)}


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
def responses():
    return whole(chat(use_responses_api=True).invoke([PICTURE]))


@case
def wrong_token():
    chat(token=WRONG_TOKEN).invoke(TEXT)


@case
def unknown_model():
    chat(model=UNKNOWN_MODEL).invoke(TEXT)


finish()
