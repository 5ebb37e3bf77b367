"""Where Anthropic is reached, apart from its adapter, which a function needs only when it asks."""

from lib.core.settings import Settings, WebAddress

SECRET = "anthropic-api-key"


class AnthropicSettings(Settings):
    """`anthropic_base_url` has no version, as in the provider's own SDK."""

    anthropic_base_url: WebAddress = "https://api.anthropic.com"
