"""The checks: each file asks one question of a draft and yields the problems it finds."""
