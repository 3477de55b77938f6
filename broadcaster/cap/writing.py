"""Writing: the model's alert as a CAP 1.2 message, which `read_alert` reads back as it was."""

from collections.abc import Iterable

from lxml import etree

from broadcaster.cap.form import NAMESPACE
from broadcaster.cap.values import number_text, time_text, words_text
from broadcaster.model.alert import Alert, CapArea, Circle, Info, Reference

Texts = Iterable[tuple[str, str | None]]


def write_alert(alert: Alert) -> bytes:
    """A CAP 1.2 message in UTF-8.

    Raises:
        ValueError: a text holds what XML cannot, such as a control character.
    """
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})  # type: ignore[dict-item] # lxml-stubs: None is the default namespace
    _add_texts(root, _alert_texts(alert))
    for info in alert.infos:
        _add_info(root, info)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _alert_texts(alert: Alert) -> Texts:
    return (
        ("identifier", alert.identifier),
        ("sender", alert.sender),
        ("sent", time_text(alert.sent)),
        ("status", alert.status),
        ("msgType", alert.msg_type),
        ("source", alert.source),
        ("scope", alert.scope),
        *(("code", code) for code in alert.codes),
        ("note", alert.note),
        ("references", " ".join(_reference_text(reference) for reference in alert.references)),
        ("incidents", words_text(alert.incidents)),
    )


def _reference_text(reference: Reference) -> str:
    return f"{reference.sender},{reference.identifier},{time_text(reference.sent)}"


def _add_info(root: etree._Element, info: Info) -> None:
    element = _add(root, "info")
    _add_texts(element, _what_it_is(info))
    _add_pairs(element, "eventCode", info.event_codes)
    _add_texts(element, _what_it_says(info))
    _add_pairs(element, "parameter", info.parameters)
    for area in info.areas:
        _add_area(element, area)


def _what_it_is(info: Info) -> Texts:
    return (
        ("language", info.language),
        *(("category", category) for category in info.categories),
        ("event", info.event),
        *(("responseType", response) for response in info.response_types),
        ("urgency", info.urgency),
        ("severity", info.severity.cap),
        ("certainty", info.certainty),
    )


def _what_it_says(info: Info) -> Texts:
    times = (("effective", info.effective), ("onset", info.onset), ("expires", info.expires))
    return (
        *((name, time_text(time)) for name, time in times if time),
        ("senderName", info.sender_name),
        ("headline", info.headline),
        ("description", info.description),
        ("instruction", info.instruction),
    )


def _add_area(info: etree._Element, area: CapArea) -> None:
    element = _add(info, "area")
    _add_texts(element, [("areaDesc", area.description)])
    _add_texts(element, [("polygon", _ring_text(ring)) for ring in area.polygons])
    _add_texts(element, [("circle", _circle_text(circle)) for circle in area.circles])
    _add_pairs(element, "geocode", ((geocode.name, geocode.value) for geocode in area.geocodes))


def _ring_text(ring: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{number_text(latitude)},{number_text(longitude)}" for latitude, longitude in ring)


def _circle_text(circle: Circle) -> str:
    return f"{number_text(circle.latitude)},{number_text(circle.longitude)} {number_text(circle.radius_km)}"


def _add_pairs(parent: etree._Element, name: str, pairs: Iterable[tuple[str, str]]) -> None:
    for value_name, value in pairs:
        _add_texts(_add(parent, name), [("valueName", value_name), ("value", value)])


def _add_texts(parent: etree._Element, texts: Texts) -> None:
    for name, text in texts:
        if text:
            _add(parent, name).text = text


def _add(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
