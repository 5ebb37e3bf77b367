"""The fake Microsoft Graph v1.0, as far as mail and calendars are read: https://learn.microsoft.com/graph/overview"""
