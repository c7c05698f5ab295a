"""What a line that is not YAML was meant to say: so that the rest of the file is checked too.

Nothing runs by a mended line: its problem stands, and the rules are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

QUOTED_END = r"""(?=\s*(?:[,}\]]|\Z))"""
BRACES = re.compile(r"""(?<=: )((?:[^\s"',{}\[\]]*\{\w+\})+[^\s"',{}\[\]]*)""")
SIGN = re.compile(r"(?<=: )([*&@`%|>!][^\s,}\]]*)" + QUOTED_END)
VALUE = re.compile(r"(\s*(?:- )?[\w.-]+: +)([^\"'{\[\s].*)")


def mended(line: str) -> Iterator[str]:
    """The line as it may have been meant, by one common mistake after the other."""
    text, end = line.rstrip("\r\n"), line[len(line.rstrip("\r\n")) :]
    for blanks in ("  ", "    ", ""):
        yield text.replace("\t", blanks) + end
    yield BRACES.sub(r'"\1"', text) + end
    yield SIGN.sub(r'"\1"', text) + end
    if match := VALUE.fullmatch(text):
        quoted = match[2].replace("\\", "\\\\").replace('"', '\\"')
        yield f'{match[1]}"{quoted}"{end}'
