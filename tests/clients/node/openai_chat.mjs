// The OpenAI SDK for Node, chat completions and responses: text, stream, tools, picture, file, what is wrong.

import { createReadStream } from "node:fs";
import OpenAI from "openai";
import {
  BASE_URL, IMAGE, MODEL, QUESTION, SCHEMA, SYSTEM, TEXT, TOKEN, TOOL_ANSWER, UNKNOWN_MODEL, WEATHER, WRONG_TOKEN,
  dataUrl, finish, run,
} from "./report.mjs";

const client = new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey: TOKEN, maxRetries: 0, timeout: 60_000 });
const stranger = new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey: WRONG_TOKEN, maxRetries: 0, timeout: 60_000 });
const model = MODEL;
const messages = [{ role: "system", content: SYSTEM }, { role: "user", content: TEXT }];
const asked = [{ role: "user", content: WEATHER }];
const tools = [{
  type: "function",
  function: { name: "get_weather", description: "Tells the weather", parameters: SCHEMA },
}];
const shown = [{
  role: "user",
  content: [{ type: "text", text: QUESTION }, { type: "image_url", image_url: { url: dataUrl() } }],
}];

const whole = (completion) => ({
  text: completion.choices[0].message.content,
  finish: completion.choices[0].finish_reason,
  usage: completion.usage ?? null,
  model: completion.model,
  request_id: completion._request_id ?? null,
});

await run("text", async () => whole(await client.chat.completions.create({ model, messages })));
await run("stream", async () => {
  const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
  let chunks = 0;
  for await (const _ of stream) chunks += 1;
  return { ...whole(await stream.finalChatCompletion()), chunks };
});
await run("tool", async () => {
  const completion = await client.chat.completions.create({ model, messages: asked, tools });
  const said = completion.choices[0].message;
  const [call] = said.tool_calls;
  const result = { role: "tool", tool_call_id: call.id, content: TOOL_ANSWER };
  const after = await client.chat.completions.create({ model, messages: [...asked, said, result], tools });
  const { name } = call.function;
  return { id: call.id, name, arguments: JSON.parse(call.function.arguments), after: whole(after) };
});
await run("tool_stream", async () => {
  const completion = await client.chat.completions.stream({ model, messages: asked, tools }).finalChatCompletion();
  const [call] = completion.choices[0].message.tool_calls;
  return { name: call.function.name, arguments: JSON.parse(call.function.arguments), ...whole(completion) };
});
await run("image", async () => whole(await client.chat.completions.create({ model, messages: shown })));
await run("image_stream", async () =>
  whole(await client.chat.completions.stream({ model, messages: shown }).finalChatCompletion()));
await run("responses", async () => {
  const content = [{ type: "input_text", text: QUESTION }, { type: "input_image", image_url: dataUrl(), detail: "low" }];
  const response = await client.responses.create({ model, input: [{ role: "user", content }] });
  return { text: response.output_text, status: response.status };
});
await run("responses_stream", async () => {
  const stream = client.responses.stream({ model, input: TEXT });
  const kinds = [];
  for await (const event of stream) if (kinds.at(-1) !== event.type) kinds.push(event.type);
  return { text: (await stream.finalResponse()).output_text, events: kinds };
});
await run("files", async () => {
  const { id, bytes } = await client.files.create({ file: createReadStream(IMAGE), purpose: "vision" });
  const content = Buffer.from(await (await client.files.content(id)).arrayBuffer());
  return { id, bytes, content_bytes: content.length, deleted: (await client.files.delete(id)).deleted };
});
await run("models", async () => (await client.models.list()).data.map((one) => one.id));
await run("model", async () => ({ id: (await client.models.retrieve(model)).id }));
await run("wrong_token", async () => whole(await stranger.chat.completions.create({ model, messages })));
await run("unknown_model", async () =>
  whole(await client.chat.completions.create({ model: UNKNOWN_MODEL, messages })));
await run("unknown_model_stream", async () =>
  whole(await client.chat.completions.stream({ model: UNKNOWN_MODEL, messages }).finalChatCompletion()));
finish();
