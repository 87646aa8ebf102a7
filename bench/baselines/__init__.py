"""What the engine is compared with. Each of them is durable before it replies."""
