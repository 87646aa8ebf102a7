"""NOTIFIERS: the way out. Sends what others decided to send, and reports the answer."""
