"""Chromium in front of customers' pages."""

from support.browser import browser, chromium, playwright

__all__ = ["browser", "chromium", "playwright"]  # fixtures
