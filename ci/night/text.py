"""Text of others made harmless: one line, no control characters, no mention, no HTML, bounded length."""

from __future__ import annotations

import re

from fixtures.text import plain as printable

LINE_LIMIT = 300
BLOCK_LIMIT = 4000
_NO_WIDTH = "\N{WORD JOINER}"
_LINKING = re.compile(r"@|#(?=\d)|(?<=\w):(?=//)|(?i:www)(?=\.)")
_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")


def plain(text: str, limit: int = LINE_LIMIT) -> str:
    """Return text as one line of printable characters, cut at `limit`; no character turns the direction of writing."""
    kept = printable(str(text)[: 10 * limit])
    return kept if len(kept) <= limit else f"{kept[: limit - 1]}\N{HORIZONTAL ELLIPSIS}"


def inert(text: str, limit: int = LINE_LIMIT) -> str:
    """Return one line that names no one and links to nothing, for titles and chats, which have no code blocks.

    A mention, a reference to an issue and a bare link are broken by a character without width.
    """
    return _LINKING.sub(lambda found: f"{found[0]}{_NO_WIDTH}", plain(text, limit))


def block(lines: list[str]) -> str:
    """Return lines as a Markdown code block, where GitHub follows neither mentions, references, links nor HTML.

    The fence is longer than any in the text, so that nothing in it ends the block.
    """
    text, room = [], BLOCK_LIMIT
    for line in lines:
        cut = plain(line, max(2, room))
        text.append(cut)
        room -= len(cut) + 1
        if room <= 0:
            break
    longest = max((len(run) for run in re.findall(r"`+", "\n".join(text))), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *text, fence])


def slack(text: str) -> str:
    """Return one line for Slack's `text`, whose control characters are escaped as its manual says."""
    return inert(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def without_password(text: str) -> str:
    """Return text without the user names and passwords of the URLs in it."""
    return _PASSWORD.sub("", text)
