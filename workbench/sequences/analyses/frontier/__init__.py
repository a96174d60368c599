"""More and more of a network handwritten, head by head and then its answers."""
