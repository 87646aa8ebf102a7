"""THE FLEET: HTTP in processes of their own, and the link between each of them and the engine."""
