"""Files on somebody's disk: read with patience for what is in them, written so that nothing is ever half there."""
