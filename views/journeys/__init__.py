"""Ways through a site: the pages and events of a session, one after the other."""
