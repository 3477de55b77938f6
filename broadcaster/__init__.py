"""The town's desk: what people write, approve and issue, and what became of it."""
