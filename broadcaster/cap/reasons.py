"""Reasons: what was wrong with a CAP message, by a stable code, in the reader's language."""

from dataclasses import asdict, dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was wrong.

    Attributes:
        code: its stable name; the keys of `TEXTS`.
        path: where, such as ``alert/info[2]/severity``; empty for the message as a whole.
        detail: what stood there, or which limit was passed.
    """

    code: str
    path: str = ""
    detail: str = ""

    def text(self, language: Language = "en") -> str:
        """The reason in words that say what to do."""
        words = TEXTS[self.code][language].format(detail=self.detail)
        return f"{self.path}: {words}" if self.path else words

    def as_facts(self) -> dict[str, str]:
        """The reason for machines, with both texts."""
        return {**asdict(self), "zh": self.text("zh"), "en": self.text("en")}

    def __str__(self) -> str:
        return self.text()


def _both(zh: str, en: str) -> dict[Language, str]:
    return {"zh": zh, "en": en}


TEXTS: dict[str, dict[Language, str]] = {
    # Refusals before the message is read.
    "too_large": _both(
        "消息超过 {detail} 字节的上限，请缩短正文或多边形", "larger than {detail} bytes: shorten texts or polygons"
    ),
    "encoding": _both(
        "不支持或不正确的字符编码（{detail}），请用 UTF-8",
        "encoding {detail} is not accepted or not kept to: use UTF-8",
    ),
    "doctype": _both("不得含有文档类型声明（DOCTYPE），请删除", "carries a document type declaration: remove it"),
    "not_xml": _both("不是格式良好的 XML：{detail}", "is not well-formed XML: {detail}"),
    "too_many_nodes": _both("元素与属性超过 {detail} 个的上限", "holds more than {detail} elements and attributes"),
    "not_cap": _both("根元素应为 CAP 1.2 的 alert，实为 {detail}", "the root must be CAP 1.2's alert, and is {detail}"),
    # Refusals by form.
    "missing": _both("缺少必填元素", "is required, and missing or empty"),
    "repeated": _both("只能出现一次，却出现 {detail} 次", "may stand once, and stands {detail} times"),
    "nested": _both("应只含文字，却含有元素 {detail}", "must hold text only, and holds the element {detail}"),
    "word": _both("不是 CAP 规定的取值：{detail}", "is none of CAP's words: {detail}"),
    "time": _both(
        "应为带时区的时间（如 2026-07-01T08:00:00+08:00），实为 {detail}",
        "must be a time with its offset, such as 2026-07-01T08:00:00+08:00, and is {detail}",
    ),
    # Refusals of signatures that try to have something else read than was signed.
    "signature_place": _both("签名必须直接位于 alert 之下", "the signature must stand directly under alert"),
    "signature_covers": _both(
        "签名必须覆盖整个 alert，实际指向 {detail}", "the signature must cover the whole alert, and covers {detail}"
    ),
    "signature_alert_inside": _both("alert 之内不得再有 alert", "an alert must not hold another alert"),
    "signature_comment": _both(
        "已签名的消息内不得有注释或处理指令", "a signed message must not hold comments or processing instructions"
    ),
    # Repairs.
    "order": _both("元素次序有误（{detail}），已按名称读取", "{detail} stands out of order; read by name"),
    "unknown_element": _both("不认识的元素 {detail}，已忽略", "unknown element {detail}, ignored"),
    "assumed": _both("缺失或取值不明，按 {detail} 处理", "missing or not CAP's word; taken as {detail}"),
    "word_dropped": _both("取值不明（{detail}），已忽略", "none of CAP's words ({detail}); left out"),
    "time_form": _both("时间写法不合 CAP（{detail}），已读懂", "time not written as CAP asks ({detail}); understood"),
    "pair_dropped": _both("名称与取值不完整，已忽略", "lacks its name or value; left out"),
    "polygon_dropped": _both(
        "多边形无法使用（{detail}），已舍去，范围不会因此扩大",
        "unusable polygon ({detail}), left out; nothing is widened",
    ),
    "circle_dropped": _both(
        "圆形范围无法使用（{detail}），已舍去，范围不会因此扩大",
        "unusable circle ({detail}), left out; nothing is widened",
    ),
    "reference_dropped": _both("引用无法读取（{detail}），已舍去", "unreadable reference ({detail}), left out"),
    "self_reference": _both("引用了自己，已舍去", "refers to itself; the reference is left out"),
    "text_cleaned": _both(
        "文字中的控制字符、不可见字符或过多的附加符号已去除",
        "control or invisible characters, or too many marks on one letter, were taken out",
    ),
}
