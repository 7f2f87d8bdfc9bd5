"""The store: which database, how rows look, how personal data is sealed. Nothing here knows what a case is."""
