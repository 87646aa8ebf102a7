"""Brings historical usage in from a file: read, mapped to meter events, sent in batches, resumable.

A client of the HTTP API like any other; it does not touch a store.
"""
