"""The LiteLLM SDK by each of its three ways: an OpenAI endpoint, an Anthropic endpoint, a proxy without `/v1`."""

import os

# Without it, the library looks for a list of prices in the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402

from report import (  # noqa: E402
    BASE_URL, MODEL, QUESTION, SCHEMA, TEXT, TOKEN, UNKNOWN_MODEL, WEATHER, WRONG_TOKEN, case, data_url, finish,
)

litellm.telemetry = False
litellm.suppress_debug_info = True
WAYS = {
    "openai": {"model": "openai/" + MODEL, "api_base": BASE_URL + "/v1"},
    "anthropic": {"model": "anthropic/" + MODEL, "api_base": BASE_URL},
    "proxy": {"model": "litellm_proxy/" + MODEL, "api_base": BASE_URL},
}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Tells the weather",
                                           "parameters": SCHEMA}}]
PICTURE = [{"role": "user", "content": [
    {"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": data_url()}},
]}]


def ask(way, prompt=TEXT, token=TOKEN, **more):
    messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    request = {**WAYS[way], "api_key": token, "messages": messages, "max_tokens": 200, "num_retries": 0, "timeout": 60}
    return litellm.completion(**{**request, **more})


def whole(answer):
    choice = answer.choices[0]
    calls = [{"name": call.function.name, "arguments": call.function.arguments}
             for call in choice.message.tool_calls or []]
    return {"text": choice.message.content, "calls": calls, "finish": choice.finish_reason,
            "tokens": answer.usage.total_tokens}


def streamed(stream):
    chunks = list(stream)
    return whole(litellm.stream_chunk_builder(chunks))


for name in WAYS:
    def text():
        return whole(ask(name))

    def stream():
        return streamed(ask(name, stream=True))

    def tool():
        return whole(ask(name, WEATHER, tools=TOOLS))

    def image():
        return whole(ask(name, PICTURE))

    def wrong_token():
        return whole(ask(name, token=WRONG_TOKEN))

    def unknown_model():
        return whole(ask(name, model=WAYS[name]["model"].replace(MODEL, UNKNOWN_MODEL)))

    for function in (text, stream, tool, image, wrong_token, unknown_model):
        function.__name__ = f"{name}_{function.__name__}"
        case(function)

finish()
