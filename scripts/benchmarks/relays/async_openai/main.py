"""The least that relays a model: OpenAI's own client, an async generator, a streaming response."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import functions_framework.aio
from openai import AsyncOpenAI
from starlette.responses import StreamingResponse

client = AsyncOpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="measured", max_retries=0)


async def _lines() -> AsyncIterator[str]:
    stream = await client.chat.completions.create(
        model="measured", messages=[{"role": "user", "content": "What does my day look like?"}], stream=True
    )
    async for chunk in stream:
        for choice in chunk.choices:
            if choice.delta.content:
                delta = {"type": "text-delta", "id": "answer", "delta": choice.delta.content}
                yield f"data: {json.dumps(delta)}\n\n"
    yield "data: [DONE]\n\n"


@functions_framework.aio.http
async def bare(request: Any) -> Any:
    """Serve a request."""
    return StreamingResponse(_lines(), media_type="text/event-stream")
