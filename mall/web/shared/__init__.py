"""What all faces share: signing in, headers, texts, forms, problem pages, charts, logs."""
