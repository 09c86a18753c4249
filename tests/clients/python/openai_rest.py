"""The OpenAI SDK, what is beside talk: models, files, embeddings."""

import os

import openai

from report import BASE_URL, IMAGE, MODEL, TOKEN, UNKNOWN_MODEL, WRONG_TOKEN, case, finish

client = openai.OpenAI(base_url=BASE_URL + "/v1", api_key=TOKEN, max_retries=0, timeout=60)
EMBEDDING_MODEL = os.environ.get("EMBEDDING_MODEL", "")


@case
def models():
    return [model.id for model in client.models.list()]


@case
def model():
    found = client.models.retrieve(MODEL)
    return {"id": found.id, "object": found.object}


@case
def unknown_model():
    client.models.retrieve(UNKNOWN_MODEL)


@case
def wrong_token():
    client.with_options(api_key=WRONG_TOKEN).models.list()


@case
def files():
    with open(IMAGE, "rb") as file:
        uploaded = client.files.create(file=file, purpose="vision")
    found = client.files.retrieve(uploaded.id)
    with open(IMAGE, "rb") as file:
        same = client.files.content(uploaded.id).read() == file.read()
    deleted = client.files.delete(uploaded.id)
    return {"bytes": uploaded.bytes, "purpose": uploaded.purpose, "found": found.id == uploaded.id, "same": same,
            "deleted": deleted.deleted, "id": uploaded.id}


@case
def pages_of_files():
    hour = {"anchor": "created_at", "seconds": 3600}
    made = [client.files.create(file=("a.txt", b"hello"), purpose="batch", expires_after=hour) for _ in range(3)]
    # The SDK asks for the next page by itself, also of files that have been deleted meanwhile.
    listed = [file.id for file in client.files.list(limit=2, purpose="batch", order="asc")]
    for file in client.files.list(limit=1):
        client.files.delete(file.id)
    return {"lasts": made[0].expires_at - made[0].created_at, "left": len(client.files.list().data),
            "listed": sorted(listed) == sorted(file.id for file in made)}


@case
def unknown_file():
    client.files.retrieve("file-nowhere")


@case
def embeddings():
    made = client.embeddings.create(model=EMBEDDING_MODEL, input=["one", "two"])
    return {"count": len(made.data), "length": len(made.data[0].embedding), "differ":
            made.data[0].embedding != made.data[1].embedding, "usage": made.usage.model_dump()}


@case
def embeddings_in_numbers():
    made = client.embeddings.create(model=EMBEDDING_MODEL, input="one", encoding_format="float")
    return {"length": len(made.data[0].embedding)}


finish()
