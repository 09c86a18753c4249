"""Serves TensorZero's gateway on a loopback port: the one in the wheel, which has no command of its own."""

import asyncio
import sys

import openai
import tensorzero


async def main():
    client = openai.AsyncOpenAI(api_key="unused")
    await tensorzero.patch_openai_client(client, config_file=sys.argv[1], async_setup=True)
    print("listening on", client.base_url, flush=True)
    # Whoever started it holds the other end.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
