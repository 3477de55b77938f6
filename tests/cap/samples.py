"""The samples and what their manifest says of them."""

import csv
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "samples" / "cap"


@dataclass(frozen=True)
class Sample:
    file: str
    judgement: str
    why: str

    @property
    def raw(self) -> bytes:
        return (FOLDER / self.file).read_bytes()


def _listed() -> list[Sample]:
    with (FOLDER / "MANIFEST.tsv").open(encoding="utf-8", newline="") as lines:
        return [
            Sample(row["file"], row["judgement"], row["why"] or "") for row in csv.DictReader(lines, delimiter="\t")
        ]


SAMPLES = _listed()


def sample(start: str) -> bytes:
    """The bytes of the one sample whose name begins so."""
    (found,) = (each for each in SAMPLES if each.file.startswith(start))
    return found.raw


FLOOD = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>linze-flood-1</identifier>
  <sender>yj@linze.example</sender>
  <sent>2026-07-01T08:00:00+08:00</sent>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <language>zh-CN</language>
    <category>Met</category>
    <event>山洪红色预警</event>
    <urgency>Immediate</urgency>
    <severity>Extreme</severity>
    <certainty>Likely</certainty>
    <senderName>临泽县应急管理局</senderName>
    <headline>梨园河上游突降暴雨</headline>
    <description>预计一小时后洪峰到达。</description>
    <instruction>请立即向高处转移！</instruction>
    <area>
      <areaDesc>蓼泉镇</areaDesc>
      <geocode><valueName>行政区划</valueName><value>620723103000</value></geocode>
    </area>
  </info>
</alert>
"""


def flood(*changes: tuple[str, str]) -> bytes:
    """The flood alert, with parts of its text changed."""
    text = FLOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text.encode()
