"""The lines to the loudspeakers, one module a carrier."""
