"""What `make check` asks of the text itself: rules over the syntax tree, and what must be in step."""
