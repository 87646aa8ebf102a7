"""What ends an import, and what is wrong with a single row of it."""


class ImportFailed(Exception):
    """The import cannot go on; the text says why and what to do."""


class Interrupted(ImportFailed):
    """The person at the keyboard stopped it."""


class BadRow(ValueError):
    """A row that cannot be sent; the text says what is wrong with it."""
