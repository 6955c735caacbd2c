"""Load times and web vitals: how they are spread, by what; the slowest pages; what became slower."""
