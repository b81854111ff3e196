"""The foundation: the database, the clock, refusals, texts, money. It knows nothing of the mall."""
