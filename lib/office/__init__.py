"""Mail and calendars of the connected accounts, in one form."""
