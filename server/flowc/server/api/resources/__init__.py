"""The routes of flowc's own API, one file for each resource."""
