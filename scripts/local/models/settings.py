"""What the local models are, and what tests may change about them while they run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from scripts.local.models.conversation import Dialect

Kind = Literal["extractive", "obedient", "lorem"]

Style = Literal[
    "verbatim",
    "paraphrase",
    "reordered",
    "split",
    "markdown_link",
    "image",
    "reference",
    "autolink",
    "html_anchor",
    "entities",
    "zero_width",
    "upper",
    "bare_domain",
    "spelled",
    "base64",
    "code",
]
STYLES: tuple[Style, ...] = get_args(Style)

MODELS: Mapping[str, tuple[Dialect, Kind]] = {
    "local-extractive": ("openai", "extractive"),
    "local-obedient": ("openai", "obedient"),
    "local-lorem": ("openai", "lorem"),
    "local-extractive-claude": ("anthropic", "extractive"),
    "local-obedient-claude": ("anthropic", "obedient"),
    "local-lorem-claude": ("anthropic", "lorem"),
}
EMBEDDING_MODEL = "local-embedding"


class Behaviour(BaseModel):
    """What `/_control/settings` shows and changes; 0 tokens per second means no pacing at all."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    tokens_per_second: float = Field(default=200.0, ge=0)
    first_token_seconds: float = Field(default=0.0, ge=0)
    context_window: int = Field(default=128_000, gt=0)
    obedient: bool = False
    style: Style = "verbatim"
    aliases: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelsConfig:
    """How to serve the models; `port` 0 takes a free one."""

    openai_key: str = "sk-local"
    anthropic_key: str = "sk-ant-local"
    port: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
