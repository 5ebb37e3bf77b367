"""The model that answers by extracting: it reads only the request, and knows nobody."""
