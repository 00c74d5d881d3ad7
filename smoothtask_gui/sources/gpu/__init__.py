"""Graphics cards: which there are, and one driver's way of asking each."""
