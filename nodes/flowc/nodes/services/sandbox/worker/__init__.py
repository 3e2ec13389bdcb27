"""Code that runs in the locked worker process; the server imports none of it."""
