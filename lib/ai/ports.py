"""What a provider's adapter offers."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Protocol

from lib.ai.models import Completed, ModelCard, Prompt, TextDelta


class StreamingModel(Protocol):
    """A provider whose models answer piece by piece."""

    def stream(
        self,
        card: ModelCard,
        prompt: Prompt,
        *,
        max_output_tokens: int,
        first_token_within: timedelta,
        idle_within: timedelta,
    ) -> AsyncGenerator[TextDelta | Completed, None]:
        """The answer's pieces, then exactly one `Completed`, which is the last.

        Nothing is tried twice. Closing the generator, or cancelling its reader, closes the connection at once, so that
        the provider stops working. Raises `ModelError`s only.
        """
        ...
