"""The core's own way to run experts: OpenAI-compatible endpoints, their transport, local models."""
