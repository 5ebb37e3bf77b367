"""Microsoft as a provider of mail and calendars."""
