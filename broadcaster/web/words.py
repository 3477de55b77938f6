"""Words: what is wrong, and what to do next, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
NOT_COUNTED = "未录入"
"""Said of a number of people that nobody has entered yet; never 0."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One thing that can be wrong: its title and what to do, in both languages. ``{names}`` stand for facts."""

    zh: tuple[str, str]
    en: tuple[str, str]


class _Facts(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "…"


def wording(code: str) -> Wording:
    """Return the words of a code; for one without words of its own, those of any error."""
    return WORDS.get(code) or WORDS["unexpected"]


def in_words(code: str, facts: Mapping[str, object], language: Language) -> tuple[str, str]:
    """Return title and next step of a problem, filled with its facts."""
    title, step = getattr(wording(code), language)
    shown = _Facts({name: _shown(fact, language) for name, fact in facts.items()})
    return title.format_map(shown), step.format_map(shown)


def _shown(fact: object, language: Language) -> str:
    if isinstance(fact, list | tuple | set | frozenset):
        return ("、" if language == "zh" else ", ").join(map(str, fact)) or "…"
    return str(fact)


def language_of(accept: str, chosen: str | None = None) -> Language:
    """Return the language to answer in: the one chosen before, else the browser's first that we speak, else Chinese."""
    for tag in (chosen or "", *_by_weight(accept)):
        primary = tag.strip().lower().split("-")[0]
        if primary in ("zh", "en"):
            return "zh" if primary == "zh" else "en"
    return "zh"


def _by_weight(accept: str) -> list[str]:
    weighted = []
    for part in accept[:200].split(","):
        tag, _, rest = part.partition(";")
        weighted.append((_weight(rest), tag))
    return [tag for weight, tag in sorted(weighted, key=lambda one: -one[0]) if weight > 0]


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0


def _w(zh: str, zh_next: str, en: str, en_next: str) -> Wording:
    return Wording((zh, zh_next), (en, en_next))


WORDS: dict[str, Wording] = {
    # Who asks.
    "session_missing": _w(
        "还没有登录",
        "请用管理员给您的一次性链接登录；程序请带上 Authorization: Bearer 令牌。",
        "Nobody is signed in",
        "Sign in with the one-use link from your administrator; programs send Authorization: Bearer with a token.",
    ),
    "session_over": _w(
        "登录已过期",
        "请向管理员要一个新的一次性链接，再登录一次。",
        "The session is over",
        "Ask your administrator for a new one-use link and sign in again.",
    ),
    "token_unknown": _w(
        "令牌无效",
        "令牌可能已过期或被收回，请向管理员要一个新的。",
        "The token is not valid",
        "It may have expired or been revoked: ask your administrator for a new one.",
    ),
    "link_spent": _w(
        "这个链接已经不能用了",
        "每个链接只能用一次，三天内有效。请向管理员要一个新的。",
        "This link cannot be used any more",
        "A link works once and for three days: ask your administrator for a new one.",
    ),
    "link_again": _w(
        "{name} 已经登录过",
        "拿到新链接的人就能以 {name} 的身份操作。确实要给，请选“再给一个链接”（接口用 again=true），审计里会写明。",
        "{name} has signed in before",
        "Whoever holds a new link acts as {name}. If that is meant, choose “another link” (over the API: again=true); "
        "the audit says so.",
    ),
    "csrf_missing": _w(
        "这次提交没有带上本页的校验码",
        "请刷新页面后再提交；程序请带 X-CSRF-Token 请求头，或改用令牌。",
        "The request lacks this page's check code",
        "Reload the page and send it again; programs send X-CSRF-Token, or use a token.",
    ),
    "origin_foreign": _w(
        "这次提交来自别的网站",
        "请从 {origin} 打开本平台后再操作。",
        "The request comes from another site",
        "Open the platform at {origin} and do it there.",
    ),
    "too_often": _w(
        "尝试次数太多",
        "请等 {seconds} 秒后再试。",
        "Too many attempts",
        "Wait {seconds} seconds and try again.",
    ),
    "role_missing": _w(
        "您没有这项权限",
        "需要在 {areas} 有“{role}”权限，请联系管理员。",
        "You may not do this",
        "It needs the role “{role}” in {areas}: ask an administrator.",
    ),
    "own_work": _w(
        "不能审批或发布自己写的稿子",
        "请让另一位同事来做。",
        "Nobody approves or releases their own text",
        "Ask a colleague to do it.",
    ),
    "admin_speaks": _w(
        "管理员不能同时起草、审批或发布",
        "请给另外一个人这些权限。",
        "An administrator cannot also draft, approve or publish",
        "Give those roles to somebody else.",
    ),
    # How it was asked.
    "body_invalid": _w(
        "提交的内容有误",
        "请改正这些地方：{fields}。",
        "The request cannot be read",
        "Mend these fields: {fields}.",
    ),
    "body_large": _w(
        "提交的内容太大",
        "请缩短到 {most} 字节以内。",
        "The request is too large",
        "Keep it within {most} bytes.",
    ),
    "body_slow": _w(
        "提交的内容没有在时限内传完",
        "请在 {seconds} 秒内传完；网络不好时请缩短内容。",
        "The request did not arrive in time",
        "Send it within {seconds} seconds; shorten it where the line is slow.",
    ),
    "media_type": _w(
        "不支持这种内容类型",
        "预警请用 application/cap+xml 或 application/xml 发送。",
        "This content type is not accepted",
        "Send alerts as application/cap+xml or application/xml.",
    ),
    "not_found": _w(
        "没有这个地址",
        "请检查地址；接口说明见 /api/v1/openapi.json。",
        "There is nothing at this address",
        "Check the address; the interface is described at /api/v1/openapi.json.",
    ),
    "method_not_allowed": _w(
        "这个地址不支持这种操作",
        "请查看 /api/v1/openapi.json 里它支持的方法。",
        "This address does not do that",
        "See /api/v1/openapi.json for the methods that it takes.",
    ),
    "range_unsatisfiable": _w(
        "请求的范围超出了文件",
        "文件共 {bytes} 字节，请在此范围内请求。",
        "The range lies outside the file",
        "The file has {bytes} bytes: ask within them.",
    ),
    "query_missing": _w(
        "没有说明要看什么",
        "请带上 origin 或 village 参数，只带一个。",
        "It is not said what to look at",
        "Give either origin or village.",
    ),
    "unexpected": _w(
        "平台出了意外",
        "请稍后再试；如果仍然这样，请把时间和做了什么告诉管理员。",
        "Something unexpected went wrong",
        "Try again later; if it stays, tell the administrator when it happened and what you did.",
    ),
    # What was written.
    "text_missing": _w("没有写内容", "请写下要广播的话。", "There is no text", "Write what is to be said."),
    "text_long": _w(
        "内容太长",
        "请缩短到 {longest} 字以内，或分成几条。",
        "The text is too long",
        "Keep it within {longest} characters, or make several notices of it.",
    ),
    "title_long": _w(
        "标题太长", "请缩短到 {most} 字以内。", "The title is too long", "Keep it within {most} characters."
    ),
    "targets_missing": _w(
        "没有选村庄",
        "请至少选一个村；不选不代表全镇。",
        "No village is chosen",
        "Choose at least one; none does not mean all.",
    ),
    "targets_unknown": _w(
        "这些地方不在本平台内",
        "没有找到 {targets}，请按 /api/v1/areas 里的代码选择。",
        "These places are not known here",
        "Nothing is known of {targets}: choose codes from /api/v1/areas.",
    ),
    "area_code": _w(
        "区划代码有误",
        "“{code}”不是 6、9 或 12 位的区划代码，请检查。",
        "That is no area code",
        "“{code}” is no administrative code of 6, 9 or 12 digits: check it.",
    ),
    "window_over": _w(
        "播出时间已过", "请选一个晚于现在的截止时间。", "The time for it is over", "Choose an end that lies ahead."
    ),
    "window_backwards": _w(
        "结束早于开始",
        "请让截止时间晚于开始时间。",
        "It would end before it begins",
        "Let the end lie after the start.",
    ),
    "window_long": _w(
        "播出时段太长", "请缩短到 {days} 天以内。", "The window is too long", "Keep it within {days} days."
    ),
    "window_quiet": _w(
        "播出时段全在安静时间内",
        "{start} 到 {end} 不播日常内容，请把时段移到白天。",
        "All of the window lies in the quiet hours",
        "Nothing routine sounds from {start} to {end}: choose a time by day.",
    ),
    "repeat_range": _w("播放遍数有误", "请选 1 到 {most} 遍。", "Wrong number of repeats", "Choose 1 to {most}."),
    "unreadable": _w(
        "有的地方不知道怎么读",
        "请把第 {start} 到 {end} 个字符处改写成要念出来的话（{what}）。",
        "Part of the text cannot be read aloud",
        "Rewrite characters {start} to {end} as they should be spoken ({what}).",
    ),
    # Notices on their way.
    "notice_unknown": _w(
        "没有这条通知", "请从通知列表里重新打开。", "There is no such notice", "Open it from the list of notices."
    ),
    "revision_unknown": _w(
        "没有这一版", "请打开最新的一版。", "There is no such revision", "Open the newest revision."
    ),
    "revision_old": _w(
        "已经有了更新的一版",
        "请打开最新的一版，再决定一次。",
        "There is a newer revision",
        "Open the newest revision and decide again.",
    ),
    "origin_over": _w(
        "这条内容已经撤回或取消",
        "它不会再播。需要的话请另写一条。",
        "It was withdrawn or cancelled",
        "It will not sound any more: write a new one if needed.",
    ),
    "origin_unknown": _w(
        "没有这条通知或预警",
        "请从列表里重新打开；也可能它不在您负责的范围内。",
        "There is no such notice or alert",
        "Open it from the list; it may also lie outside your areas.",
    ),
    "not_submitted": _w(
        "这一版还没有送审", "请让起草人先送审。", "It was not submitted yet", "Ask its author to submit it first."
    ),
    "content_changed": _w(
        "内容在您看过之后改了",
        "请重新打开，看过现在的内容再审批。",
        "The content changed since you saw it",
        "Open it again and approve what it says now.",
    ),
    "recording_changed": _w(
        "录音在您听过之后变了",
        "请重新打开，听过现在的录音再审批。",
        "The recording is not the one that you listened to",
        "Open it again, listen to what is there now, and approve that.",
    ),
    "not_approved": _w(
        "还没有审批通过",
        "还差 {missing} 人审批，请先送审。",
        "It is not approved yet",
        "{missing} more approval(s) are needed.",
    ),
    "not_held": _w(
        "它没有在等人决定",
        "它可能已经放行或取消，请刷新看看。",
        "It does not wait for a decision",
        "It may have been released or cancelled: look again.",
    ),
    "class_missing": _w(
        "需要您定它的级别",
        "预警没有说明严重程度，请选“紧急”或“日常”再放行。",
        "Its class is yours to decide",
        "The alert does not say how severe it is: release it as emergency or as routine.",
    ),
    "key_reused": _w(
        "同一个 Idempotency-Key 用在了不同的内容上",
        "请换一个新的 Idempotency-Key。",
        "This Idempotency-Key was used with another request",
        "Use a new Idempotency-Key.",
    ),
    # Alerts.
    "not_a_source": _w(
        "这个账号不是预警来源",
        "请让管理员把它登记为来源（绑定发送方与区域）。",
        "This principal is no source of alerts",
        "Ask an administrator to bind it to a sender and areas.",
    ),
    "sender_foreign": _w(
        "发送方不是您",
        "消息里的 sender 是 {sender}，与登记的不符，请核对。",
        "The sender is not yours",
        "The message's sender is {sender}, which is not the one registered: check it.",
    ),
    "severity_above": _w(
        "级别超出了您的权限",
        "您不能发布 {severity} 级，请联系管理员或上级。",
        "The severity is above what you may issue",
        "You may not issue {severity}: ask an administrator or the level above.",
    ),
    "area_foreign": _w(
        "区域超出了您的范围",
        "{areas} 不在登记的区域内，请核对。",
        "The area is not yours",
        "{areas} lies outside the areas registered: check them.",
    ),
    "alert_future": _w(
        "发送时间在未来",
        "sent 是 {sent}，请校准时钟后重发。",
        "It was sent in the future",
        "sent is {sent}: set the clock right and send it again.",
    ),
    "alert_over": _w(
        "预警已经过期",
        "expires 是 {expires}，请发新的一条。",
        "The alert is over",
        "It expired at {expires}: send a new one.",
    ),
    "info_missing": _w(
        "预警没有内容",
        "请加上 info（事件、严重程度、说明）。",
        "The alert says nothing",
        "Add an info with event, severity and description.",
    ),
    "severity_unknown_word": _w(
        "严重程度写法有误",
        "“{word}”不行，请用 {words} 之一。",
        "That is no severity",
        "Instead of “{word}” use one of {words}.",
    ),
    "signature_missing": _w(
        "预警没有有效签名",
        "这个来源登记了证书，请用它签名后重发（现为 {signature}）。",
        "The alert lacks a good signature",
        "This source is bound to a certificate: sign with it and send again (now: {signature}).",
    ),
    "cap": _w("CAP 消息不能接受", "{reasons}", "The CAP message is not accepted", "{reasons}"),
    "cap_pinned_certificate": _w(
        "登记的证书无法读取",
        "请让管理员重新登记这个来源的证书（{reason}）。",
        "The certificate on file cannot be read",
        "Ask an administrator to register the source's certificate again ({reason}).",
    ),
    # People.
    "principal_unknown": _w(
        "没有这个人或程序", "请从人员列表里选择。", "There is nobody of this id", "Choose from the list of people."
    ),
    "name_missing": _w("没有写名字", "请写上名字。", "There is no name", "Give a name."),
    "kind_unknown": _w(
        "类别有误", "请选 person、source 或 service。", "Unknown kind", "Choose person, source or service."
    ),
    "grants_missing": _w("没有给权限", "请至少给一项权限。", "No role is granted", "Grant at least one role."),
    "days_range": _w("有效天数有误", "请选 1 到 {most} 天。", "Wrong number of days", "Choose 1 to {most} days."),
    "sender_missing": _w(
        "来源不完整",
        "请写上 sender 和至少一个区域。",
        "The source is incomplete",
        "Give its sender and at least one area.",
    ),
    # Loudspeakers.
    "reader_unknown": _w(
        "没有这个读取程序",
        "请从 /healthz 里抄名字；有：{readers}。",
        "There is no such reader",
        "Copy its name from /healthz; there are: {readers}.",
    ),
    "engine_elsewhere": _w(
        "流处理不在这个进程里",
        "请向运行流处理的进程发送。",
        "The streams run in another process",
        "Send this to the process that runs them.",
    ),
    "speaker_unknown": _w(
        "没有这个喇叭", "请从喇叭列表里选择。", "There is no such loudspeaker", "Choose from the list of loudspeakers."
    ),
    "speaker_known": _w(
        "这个编号已经有喇叭在用",
        "请先停用旧的 {speaker}，或换一个编号。",
        "A loudspeaker of this id exists",
        "Retire {speaker} first, or choose another id.",
    ),
    "speaker_id": _w(
        "喇叭编号有误",
        "请用字母、数字和连字符，最多 {longest} 个。",
        "That is no id for a loudspeaker",
        "Use letters, digits and hyphens, at most {longest}.",
    ),
    "key_bytes": _w(
        "公钥有误",
        "请给出 {bytes} 字节 Ed25519 公钥的 base64。",
        "That is no key",
        "Give the base64 of an Ed25519 key of {bytes} bytes.",
    ),
    "nonce": _w("随机数有误", "请用 8 到 64 个字符。", "That is no nonce", "Use 8 to 64 characters."),
    "receipt_unreadable": _w(
        "回执无法读取", "请升级喇叭的软件。", "The receipt cannot be read", "Update the loudspeaker's software."
    ),
    "receipt_unknown": _w(
        "回执对不上任何一条指令", "请核对喇叭的编号。", "The receipt belongs to no order", "Check the loudspeaker's id."
    ),
    "order_not_play": _w(
        "这条指令不是播放指令", "请用播放指令的编号。", "This order is no play", "Use the id of a play order."
    ),
    "order_unreadable": _w(
        "指令无法读取", "请升级喇叭的软件。", "The order cannot be read", "Update the loudspeaker's software."
    ),
    "order_version": _w(
        "指令版本不支持", "请升级喇叭的软件。", "The order's version is not known", "Update the loudspeaker's software."
    ),
    "village_unknown": _w(
        "没有这个村", "请从村庄列表里选择。", "There is no such village", "Choose from the list of villages."
    ),
    "recording_unknown": _w(
        "没有这段录音",
        "请刷新页面；录音可能还没做好。",
        "There is no such recording",
        "Reload the page; it may not be ready yet.",
    ),
    # Not now.
    "stopping": _w("平台正在停机", "请一分钟后再试。", "The platform is stopping", "Try again in a minute."),
    "streams_full": _w(
        "同时看直播页的人太多",
        "请等 {seconds} 秒后刷新页面。",
        "Too many pages look at once",
        "Reload the page in {seconds} seconds.",
    ),
    "book_full": _w("平台正忙", "请几秒后再试。", "The platform is busy", "Try again in a few seconds."),
    "book_busy": _w("数据库正忙", "请几秒后再试。", "The book is busy", "Try again in a few seconds."),
    "book_broken": _w(
        "数据库暂时不能写入",
        "平台正在重启检查，请一分钟后再试；紧急情况请用电话或人工喊话。",
        "The book cannot be written now",
        "The platform is restarting: try again in a minute; in an emergency use the telephone.",
    ),
    "book_locked": _w(
        "数据库被另一个进程占用",
        "请先停掉另一个进程。",
        "Another process holds the book",
        "Stop the other process first.",
    ),
    "book_rule": _w(
        "与已有的记录冲突", "请刷新后再试。", "It contradicts what is in the book", "Look again, then try again."
    ),
    "signer_away": _w(
        "签名进程没有应答",
        "已接受的内容会自动重试；若持续一分钟，请通知管理员。",
        "The signer does not answer",
        "What was accepted is tried again by itself; if it lasts a minute, tell the administrator.",
    ),
    "line_down": _w(
        "到喇叭的线路断了",
        "平台会自动重试，请查看网络。",
        "The line to the loudspeakers is down",
        "It is tried again: check the network.",
    ),
    "recording_away": _w(
        "录音暂时取不到", "平台会自动重试。", "The recording is not there just now", "It is tried again."
    ),
    "voice_away": _w("语音暂时不可用", "平台会自动重试。", "The voice does not answer now", "It is tried again."),
    "voice_failed": _w(
        "这段话念不出来", "请改写后再试。", "No voice can say this", "Write it otherwise and try again."
    ),
    "voice_slow": _w(
        "语音合成太慢", "预警会先播备用短语，请联系运维。", "The voice is too slow", "Alerts go with a stock phrase."
    ),
    "no_stock": _w(
        "没有备用语音",
        "请让管理员检查语音设置。",
        "There is no stock phrase",
        "Ask an administrator to check the voice.",
    ),
}
