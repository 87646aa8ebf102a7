"""CONTROL PLANE: creates and changes meters, alerts, customers, endpoints, keys, the catalogue."""
