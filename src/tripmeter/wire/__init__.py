"""LANGUAGE: Stripe's dialect as pure functions: bytes in, facts out. Imports model only."""
