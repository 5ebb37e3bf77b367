"""What a person is told of in the app, for as long as they have not seen it."""
