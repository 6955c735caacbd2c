"""``python -m bench.questions``: how long the product's questions take, beside DuckDB over the same rows."""
