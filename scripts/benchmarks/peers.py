"""The rivals of the functions: bare functions-framework functions that read one document from Firestore.

Beside Firestore's client they import the very modules of Google's that a function of ours has imported by its first
answer, or both SDKs of model providers, or nothing.
"""

import compileall
from collections.abc import Sequence
from pathlib import Path

MODEL_SDKS = ("openai", "anthropic")

_BARE = """
import functions_framework
from google.cloud import firestore
{imports}
client = firestore.Client(project="{project}")


@functions_framework.http
def bare(request):
    return client.document("{document}").get().to_dict() or {{}}
"""

_BARE_ASGI = """
import functions_framework.aio
from google.cloud import firestore
from starlette.responses import JSONResponse
{imports}
client = None


@functions_framework.aio.http
async def bare(request):
    global client
    client = client or firestore.AsyncClient(project="{project}")
    return JSONResponse({{"exists": (await client.document("{document}").get()).exists}})
"""


def write(folder: Path, *, imports: Sequence[str], asgi: bool, project: str, document: str) -> Path:
    """Make a bare function; the folder that it is served from. Compiled, as the buildpack does it."""
    folder.mkdir(parents=True, exist_ok=True)
    source = (_BARE_ASGI if asgi else _BARE).format(
        imports="\n".join(f"import {name}" for name in imports), project=project, document=document
    )
    (folder / "main.py").write_text(source.lstrip(), encoding="utf-8")
    compileall.compile_dir(folder, quiet=1)
    return folder
