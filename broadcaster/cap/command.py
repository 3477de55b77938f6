"""The command ``cap check``: says of CAP files what the desk would make of them, and why."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cap.checking import Judgement, Verdict, check
from broadcaster.cap.parsing import MAX_BYTES
from broadcaster.cap.reasons import Language
from broadcaster.model.errors import Invalid

app = typer.Typer(no_args_is_help=True, help="CAP 1.2 messages: look at them before they are sent.")

_WORDS: dict[Language, dict[str, str]] = {
    "zh": {
        "valid": "有效",
        "repaired": "已修正",
        "refused": "拒绝",
        "signature": "签名",
        "unsigned": "未签名",
        "good": "可信",
        "untrusted": "签发者未登记",
        "expired": "证书过期或未生效",
        "weak": "算法过弱",
        "broken": "与正文不符",
        "unseen": "未查看",
        "unreadable": "无法读取文件",
        "certificate": "不是 PEM 证书",
    },
    "en": {
        "valid": "valid",
        "repaired": "repaired",
        "refused": "refused",
        "signature": "signature",
        "unsigned": "unsigned",
        "good": "good",
        "untrusted": "untrusted: no pinned certificate vouches for it",
        "expired": "expired: its certificate is not valid now",
        "weak": "weak: algorithm or key too weak",
        "broken": "broken: it does not fit the text",
        "unseen": "not looked at",
        "unreadable": "cannot read the file",
        "certificate": "is no PEM certificate",
    },
}


@app.callback()
def cap() -> None:
    """CAP 1.2 messages: look at them before they are sent."""


@app.command("check")
def check_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CAP 1.2 XML files.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    pin: Annotated[list[Path] | None, typer.Option(help="PEM certificate of a signer or issuer to trust.")] = None,
) -> None:
    """Judge CAP files: valid, repaired or refused, with reasons and the state of the signature.

    Exit status: 0 if none is refused, 1 if one is, 2 if a file cannot be read.
    """
    language = _language()
    pinned = [_bytes_of(path, language) for path in pin or []]
    messages = [(path, _bytes_of(path, language)) for path in files]
    judgements = [(path, _judged(raw, pinned, language)) for path, raw in messages]
    for path, judgement in judgements:
        typer.echo(_json_line(path, judgement) if as_json else _shown(path, judgement, language))
    if any(judgement.judgement is Verdict.REFUSED for _, judgement in judgements):
        raise typer.Exit(1)


def _language() -> Language:
    # The order in which POSIX looks for the language of messages.
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if spoken.lower().startswith("zh") else "en"


def _bytes_of(path: Path, language: Language) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte over the cap is enough to be refused for it, however large the file is.
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        typer.echo(f"{path}: {_WORDS[language]['unreadable']}: {error.strerror}", err=True)
        raise typer.Exit(2) from error


def _judged(raw: bytes, pinned: list[bytes], language: Language) -> Judgement:
    try:
        return check(raw, pinned)
    except Invalid as error:
        typer.echo(f"--pin: {_WORDS[language]['certificate']}", err=True)
        raise typer.Exit(2) from error


def _shown(path: Path, judgement: Judgement, language: Language) -> str:
    words = _WORDS[language]
    signature = words[judgement.signature or "unseen"]
    head = f"{path}: {words[judgement.judgement]} ({words['signature']}: {signature})"
    return "\n".join([head, *(f"  - {text}" for text in judgement.texts(language))])


def _json_line(path: Path, judgement: Judgement) -> str:
    facts = {
        "file": str(path),
        "judgement": judgement.judgement,
        "signature": judgement.signature,
        "reasons": [reason.as_facts() for reason in judgement.reasons],
    }
    return json.dumps(facts, ensure_ascii=False)
