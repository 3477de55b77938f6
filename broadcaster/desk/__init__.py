"""The use cases of the town's desk, one module a verb, and the ports they need."""
