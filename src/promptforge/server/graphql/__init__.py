"""The GraphQL API: one file per noun, resolving core values directly; the documented spellings live here."""
