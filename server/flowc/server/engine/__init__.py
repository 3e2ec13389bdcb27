"""Working on runs, on one machine or many: DBOS has the queue, a segment does the work."""
