"""Google, as a provider of accounts."""
