"""The Google SDK, whose dialect the gateway does not speak: it must be told so in a way that its error carries."""

from google import genai

from report import BASE_URL, MODEL, TEXT, TOKEN, case, finish

client = genai.Client(api_key=TOKEN, http_options={"base_url": BASE_URL, "api_version": "v1"})


@case
def text():
    return client.models.generate_content(model=MODEL, contents=TEXT).text


@case
def stream():
    return [chunk.text for chunk in client.models.generate_content_stream(model=MODEL, contents=TEXT)]


finish()
