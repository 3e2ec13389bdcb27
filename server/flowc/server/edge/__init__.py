"""All between a socket and a route: hosts, origins, headers, limits, and how the server stops."""
