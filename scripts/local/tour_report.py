"""What the tour says in the terminal."""

from scripts.local.state import State
from scripts.local.streamed_answer import StreamedAnswer

USUAL_PORT = 8787


class Report:
    """Prints as things happen."""

    def succeeded(self, title: str, seconds: float, found: str) -> None:
        """A step's line."""
        print(f"✓ {title} ({seconds:.1f} s): {found}", flush=True)

    def failed(self, title: str, seconds: float, reason: str) -> None:
        """A step's line, and why."""
        print(f"✗ {title} ({seconds:.1f} s)\n    {reason}", flush=True)

    def question(self, text: str) -> None:
        """What is asked."""
        print(f"\n  “{text}”\n\n  ", end="", flush=True)

    def show(self, piece: str) -> None:
        """A piece of an answer."""
        print(piece.replace("\n", "\n  "), end="", flush=True)

    def end_of_text(self) -> None:
        """The answer's text is over."""
        print("\n", flush=True)

    def about(self, answer: StreamedAnswer) -> None:
        """Where the answer comes from and what it took."""
        for source in answer.sources:
            print(f"  [{source.ref}] {source.kind}: {source.title}")
        known, tokens = answer.metadata, answer.metadata["tokens"]
        first = answer.first_token_seconds or 0.0
        facts = (
            f"{known['model']}",
            f"{tokens['input'] + tokens['cached_input'] + tokens['cache_write']} tokens read",
            f"{tokens['output']} written",
            f"{known['cost_micros'] / 1e6:.4f} dollars",
            f"first token after {first:.2f} s ({known['context_ms'] / 1e3:.2f} s of it for reading calendar and mail)",
        )
        print(f"  {', '.join(facts)}\n", flush=True)

    def places(self, state: State) -> None:
        """Where to go from here."""
        port = int(state.origin.rpartition(":")[2])
        option = "" if port == USUAL_PORT else f" --port {port}"
        print(
            f"\n  Functions   {state.origin}/<function>/…  as the front door has them: {state.origin}/users/me"
            f"\n  Gateway     {state.origin}/api/…  with a cookie: {state.origin}/api/session"
            f"\n  API docs    {state.origin}/docs  and {state.origin}/openapi.json"
            f"\n  To try      scripts/call GET /users/me --as demo{option}\n",
            flush=True,
        )
