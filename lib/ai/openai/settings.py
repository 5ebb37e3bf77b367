"""Where OpenAI is reached, apart from its adapter, which a function needs only when it asks."""

from lib.core.settings import Settings, WebAddress

SECRET = "openai-api-key"


class OpenAISettings(Settings):
    """`openai_base_url` ends in `/v1`."""

    openai_base_url: WebAddress = "https://api.openai.com/v1"
