"""From text to a definition: what does it say, and in which line?"""
