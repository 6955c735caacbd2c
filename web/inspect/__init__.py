"""Pages of the worker's own web server, that of Faust: for operators, read only."""
