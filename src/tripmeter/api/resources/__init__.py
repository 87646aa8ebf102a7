"""The routes, one file per resource; `ROUTES` of each is what the door is built from."""
