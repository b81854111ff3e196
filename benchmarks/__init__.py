"""How fast the mall is, beside the least that could do the same: `make bench`."""
