"""Parsing: bytes of a stranger to an XML tree, so that none of them can hurt.

The order is the defence: size, then encoding, then no document type, then a parser that fetches and
expands nothing and stops at the first node too many. What was searched for a document type is the
very text that is parsed: it is decoded here and handed on as UTF-8, so that no second reading of the
encoding declaration can make something else of it.
"""

import codecs
import re
from dataclasses import dataclass

from lxml import etree

from broadcaster.cap.reasons import Reason
from broadcaster.model.errors import Invalid

MAX_BYTES = 512 * 1024
MAX_NODES = 2_000
_CHUNK_BYTES = 16 * 1024

# Chinese senders still write GB encodings. UTF-7 and its like, which hide markup from a search, are not here.
_ENCODINGS = frozenset(
    codecs.lookup(name).name
    for name in ("utf-8", "us-ascii", "iso-8859-1", "windows-1252", "gb2312", "gbk", "gb18030", "big5", "utf-16")
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*?\?>")
_DECLARATION_BEGINS = re.compile(r"\s*<\?xml\s", re.IGNORECASE)
_DECLARED_ENCODING = re.compile(rb"\s*<\?xml\s[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._\-]{1,40})[\"']")
_DOCUMENT_TYPE = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class Parsed:
    """A message whose form is harmless: its root, and the text it was read from, in UTF-8."""

    root: etree._Element
    utf8: bytes


def refusal(*reasons: Reason) -> Invalid:
    """The error for a message that is not taken; its code is that of the first reason."""
    return Invalid(f"cap_{reasons[0].code}", reasons=list(reasons))


def parse(raw: bytes, *, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES) -> Parsed:
    """Read bytes as XML, within bounds of size and time.

    Raises:
        Invalid: too large, an encoding we do not read, a document type, too many nodes, or no XML.
    """
    if len(raw) > max_bytes:
        raise refusal(Reason("too_large", detail=str(max_bytes)))
    text = _decoded(raw)
    if _DOCUMENT_TYPE.search(text):
        raise refusal(Reason("doctype"))
    utf8 = _without_declaration(text).encode()
    return Parsed(_tree(utf8, max_nodes), utf8)


def safe_parser(*, keep_comments: bool = False, keep_blank: bool = True) -> etree.XMLParser:
    """A parser that fetches nothing and expands nothing.

    Args:
        keep_comments: keep comments and processing instructions in the tree.
        keep_blank: keep texts of nothing but white space.
    """
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=not keep_comments,
        remove_pis=not keep_comments,
        remove_blank_text=not keep_blank,
    )


def _decoded(raw: bytes) -> str:
    encoding, mark = _encoding_of(raw)
    try:
        # Surrogates pass some decoders, and would break the encoding to UTF-8 later.
        return raw[len(mark) :].decode(encoding).encode().decode()
    except UnicodeError as error:
        raise refusal(Reason("encoding", detail=encoding)) from error


def _without_declaration(text: str) -> str:
    declaration = _DECLARATION.match(text)
    rest = text[declaration.end() :] if declaration else text
    # A parser guesses UTF-16 from NULs, and obeys a second declaration once the first is gone.
    if "\0" in rest or _DECLARATION_BEGINS.match(rest):
        raise refusal(Reason("not_xml", detail="a NUL, or a second XML declaration"))
    return rest


def _encoding_of(raw: bytes) -> tuple[str, bytes]:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return encoding, mark
    declared = _DECLARED_ENCODING.match(raw[:200])
    name = declared[1].decode() if declared else "utf-8"
    if not _is_accepted(name):
        raise refusal(Reason("encoding", detail=name))
    return name, b""


def _is_accepted(name: str) -> bool:
    try:
        return codecs.lookup(name).name in _ENCODINGS
    except LookupError:
        return False


def _nodes_of(started: object) -> int:
    return 1 + len(started.attrib) if isinstance(started, etree._Element) else 0


def _tree(utf8: bytes, max_nodes: int) -> etree._Element:
    # Fed piece by piece: a bomb of two million elements is dropped after its first pieces.
    parser = etree.XMLPullParser(
        events=("start",),
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    nodes = 0
    try:
        for start in range(0, len(utf8), _CHUNK_BYTES):
            parser.feed(utf8[start : start + _CHUNK_BYTES])
            nodes += sum(_nodes_of(element) for _, element in parser.read_events())
            if nodes > max_nodes:
                raise refusal(Reason("too_many_nodes", detail=str(max_nodes)))
        root: etree._Element = parser.close()
    except etree.XMLSyntaxError as error:
        raise refusal(Reason("not_xml", detail=str(error.msg)[:200])) from error
    return root
