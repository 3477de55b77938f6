"""Benching: how fast the whole way is, measured on this machine. Part of the composition root: nothing imports it."""
