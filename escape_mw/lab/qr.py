"""The lab's link as a QR code, for the camera of a phone: its token is too long to type.

segno belongs to the extra `serve`, and is imported on first use. Each function raises
ModuleNotFoundError without it, and ValueError for a link that is too long for any code.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import segno

BORDER = 4  # light modules on each side, as ISO/IEC 18004 wants them
SCALE = 5  # pixels a module
# By whether the upper and the lower half of a character is dark.
BLOCKS = {(0, 0): " ", (1, 0): "\u2580", (0, 1): "\u2584", (1, 1): "\u2588"}


def blocks(link: str) -> list[str]:
    """Lines of half blocks, two rows of the code in each; to be shown black on white."""
    rows = [bytes(row) for row in _code(link).matrix_iter(border=BORDER)]
    light = bytes(len(rows[0]))
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=light)
    return ["".join(BLOCKS[pair] for pair in zip(*both, strict=True)) for both in pairs]


def svg(link: str) -> str:
    """A picture for a page, by attributes alone: the page's policy allows no other style."""
    return _code(link).svg_inline(
        border=BORDER, scale=SCALE, dark="#000", light="#fff", svgclass=None, lineclass=None
    )


def _code(link: str) -> segno.QRCode:
    import segno  # noqa: PLC0415 - an extra

    return segno.make_qr(link, error="l")  # the smallest, with the best correction that it has
