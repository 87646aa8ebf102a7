"""FACTS: frozen data, ids, quantities and errors. Imports no other room."""
