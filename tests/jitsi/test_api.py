"""The bridge's private HTTP interface as its own sources have it."""

from __future__ import annotations

import json

import pytest

from tests.jitsi import api


def asked(path: str) -> tuple[bytes, bytes]:
    """Head and body of the answer."""
    head, _, body = api.answer(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).partition(b"\r\n\r\n")
    return head, body


def test_healthy_is_200_and_no_content() -> None:
    head, body = asked("/about/health")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""
    assert b"server:" not in head.lower()


def test_the_version_says_whose_it_is() -> None:
    assert json.loads(asked("/about/version")[1])["name"] == "JVB"


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", b"\r\n\r\n"])
def test_nothing_else_is_there(head: bytes) -> None:
    assert api.answer(head).startswith(b"HTTP/1.1 404 ")
