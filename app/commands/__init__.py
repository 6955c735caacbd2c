"""One file = one command of ``wua``: ``add(subparsers)`` declares it, ``run(arguments)`` gives the status."""
