"""The pages that people look at. Each is a frame from here, and a script that asks the REST API."""
