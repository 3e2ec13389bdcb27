"""Speaks HTTP byte by byte, as no client does."""

import socket

import httpx

from fakes.processes import PATIENCE


def open_socket(api: httpx.Client) -> socket.socket:
    """Connect to the server of a client."""
    return socket.create_connection((api.base_url.host, api.base_url.port or 80), timeout=PATIENCE)


def read_all(connection: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def read_answer(connection: socket.socket) -> bytes:
    """Return what the server sends until there is an answer with a body of JSON."""
    received = b""
    while not received.endswith(b"}") and (piece := connection.recv(65_536)):
        received += piece
    return received


def ask(api: httpx.Client, request: bytes) -> bytes:
    """Send bytes, and return what the server answers until it closes the connection."""
    with open_socket(api) as connection:
        connection.sendall(request)
        return read_all(connection)
