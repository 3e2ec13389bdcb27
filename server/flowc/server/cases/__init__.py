"""How are workflows tested? Cases say what goes in, what is made up, and what has to come out."""
