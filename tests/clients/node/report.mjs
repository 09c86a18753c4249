// What every script of a client shares: its surroundings, the cases one after another, one JSON object at the end.
// Knows no client: a case is a function, and what it throws is told by class, status and text.

import { readFileSync } from "node:fs";

const surroundings = (name) => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`\`${name}\` is not set`);
  return value;
};

export const BASE_URL = surroundings("BASE_URL");
export const TOKEN = surroundings("TOKEN");
export const MODEL = surroundings("MODEL");
export const IMAGE = surroundings("IMAGE");
export const WRONG_TOKEN = "creel-wrong-token-0123456789abcdef";
export const UNKNOWN_MODEL = "nowhere/no-such-model";
export const SYSTEM = "You are terse.";
export const TEXT = "say pong";
export const QUESTION = "what is on the picture";
export const WEATHER = "what is the weather in Paris";
export const TOOL_ANSWER = "18 degrees and rain";
export const SCHEMA = {
  type: "object",
  properties: { city: { type: "string", description: "A city" } },
  required: ["city"],
  additionalProperties: false,
};

const seen = {};

/** The picture in base64. */
export const picture = () => readFileSync(IMAGE).toString("base64");

/** The picture as a URL that holds it. */
export const dataUrl = () => `data:image/png;base64,${picture()}`;

/** Class, bases, status, body and text of what a client throws. */
const fault = (error) => {
  const bases = [];
  for (let base = Object.getPrototypeOf(error.constructor); base?.name; base = Object.getPrototypeOf(base)) {
    bases.push(base.name);
  }
  return {
    class: error.constructor.name,
    bases,
    status: error.status ?? null,
    request_id: error.requestID ?? error.request_id ?? null,
    body: error.error ?? null,
    message: error.message,
  };
};

/** Runs a case, and keeps what it gives or throws under its name. */
export const run = async (name, act) => {
  try {
    seen[name] = (await act()) ?? null;
  } catch (error) {
    seen[name] = { error: fault(error) };
  }
};

/** Prints what was seen. */
export const finish = () => console.log(JSON.stringify(seen));
