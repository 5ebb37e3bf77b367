"""Where a person is signed in: what Clerk tells of it, and how it is ended."""
