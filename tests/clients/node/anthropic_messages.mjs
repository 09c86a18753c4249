// The Anthropic SDK for Node: text, stream, tools, picture, counting, models, what is wrong.

import Anthropic from "@anthropic-ai/sdk";
import {
  BASE_URL, MODEL, QUESTION, SCHEMA, SYSTEM, TEXT, TOKEN, TOOL_ANSWER, UNKNOWN_MODEL, WEATHER, WRONG_TOKEN,
  finish, picture, run,
} from "./report.mjs";

const options = { baseURL: BASE_URL, maxRetries: 0, timeout: 60_000 };
const client = new Anthropic({ ...options, apiKey: TOKEN });
const bearer = new Anthropic({ ...options, apiKey: null, authToken: TOKEN });
const stranger = new Anthropic({ ...options, apiKey: WRONG_TOKEN });
const model = MODEL;
const max_tokens = 200;
const messages = [{ role: "user", content: TEXT }];
const asked = [{ role: "user", content: WEATHER }];
const tools = [{ name: "get_weather", description: "Tells the weather", input_schema: SCHEMA }];
const source = { type: "base64", media_type: "image/png", data: picture() };
const shown = [{ role: "user", content: [{ type: "image", source }, { type: "text", text: QUESTION }] }];

const whole = (message) => ({
  text: message.content.filter((block) => block.type === "text").map((block) => block.text).join(""),
  calls: message.content.filter((block) => block.type === "tool_use")
    .map(({ id, name, input }) => ({ id, name, arguments: input })),
  finish: message.stop_reason,
  usage: message.usage,
  model: message.model,
  request_id: message._request_id ?? null,
});
const streamed = async (request) => {
  const stream = client.messages.stream({ model, max_tokens, ...request });
  const events = [];
  stream.on("streamEvent", ({ type }) => events.at(-1) !== type && events.push(type));
  return { ...whole(await stream.finalMessage()), events };
};

await run("text", async () => whole(await client.messages.create({ model, max_tokens, system: SYSTEM, messages })));
await run("bearer", async () => whole(await bearer.messages.create({ model, max_tokens, messages })));
await run("stream", () => streamed({ system: SYSTEM, messages }));
await run("tool", async () => {
  const message = await client.messages.create({ model, max_tokens, messages: asked, tools });
  const call = message.content.find((block) => block.type === "tool_use");
  const result = { type: "tool_result", tool_use_id: call.id, content: TOOL_ANSWER };
  const talk = [...asked, { role: "assistant", content: message.content }, { role: "user", content: [result] }];
  const after = await client.messages.create({ model, max_tokens, messages: talk, tools });
  return { ...whole(message), after: whole(after) };
});
await run("tool_stream", () => streamed({ messages: asked, tools }));
await run("image", async () => whole(await client.messages.create({ model, max_tokens, messages: shown })));
await run("image_stream", () => streamed({ messages: shown }));
await run("count", async () => ({ tokens: (await client.messages.countTokens({ model, messages })).input_tokens }));
await run("models", async () => (await client.models.list()).data.map((one) => one.id));
await run("wrong_token", async () => whole(await stranger.messages.create({ model, max_tokens, messages })));
await run("unknown_model", async () =>
  whole(await client.messages.create({ model: UNKNOWN_MODEL, max_tokens, messages })));
finish();
