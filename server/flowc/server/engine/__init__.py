"""How are runs worked on, on one machine or many? DBOS keeps the queue; a segment does the work."""
