"""Wordings: what only somebody at this machine or beside a loudspeaker has to be told: (Chinese, English) each."""

WORDINGS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "book_locked": (
        ("账本正被进程 {pid} 使用。", "The book is in use by process {pid}."),
        (
            "服务在运行：请设置 VB_TOKEN（管理员令牌）经 HTTP 操作，或先停止该进程。",
            "The service is running: set VB_TOKEN (an administrator's) to ask it, or stop that process first.",
        ),
    ),
    "port_taken": (
        ("{host} 的端口 {port} 已被占用或不许用。", "Port {port} of {host} is in use, or not allowed."),
        ("用 --port 换一个端口，或停掉占用它的程序。", "Choose another with --port, or stop what uses it."),
    ),
    "child_not_ready": (
        ("{child} 进程在 {seconds} 秒内没有就绪。", "The {child} process was not ready within {seconds} s."),
        ("看上面它说了什么；机器太忙时稍后再试。", "See what it said above; on a busy machine, try again later."),
    ),
    "voice_for_tests": (
        ("tone 只是测试用的蜂鸣声。", "The voice “tone” only beeps, for tests."),
        ("去掉 VB_VOICE，或设为 kokoro。", "Unset VB_VOICE, or set it to kokoro."),
    ),
    "keys_missing": (
        ("找不到签名密钥 {path}。", "There is no key file {path}."),
        ("先运行一次 broadcaster up，它会生成密钥。", "Run broadcaster up once: it makes the keys."),
    ),
    "limits_missing": (
        ("找不到签名限制文件 {path}。", "There is no limits file {path}."),
        (
            "先运行一次 broadcaster up，或用 --home 指明数据文件夹。",
            "Run broadcaster up once, or say where the data is with --home.",
        ),
    ),
    "limits_unreadable": (
        ("签名限制文件 {path} 读不懂：{why}", "The limits file {path} cannot be read: {why}"),
        ("改正它，然后重启服务。", "Mend it, then start the service again."),
    ),
    "keys_unreadable": (
        ("签名密钥文件 {path} 读不懂。", "The key file {path} cannot be read."),
        (
            "从备份恢复它；换新密钥后每只喇叭都要重新登记。",
            "Restore it from a backup; with new keys, speakers must enrol anew.",
        ),
    ),
    "keys_exposed": (
        ("{path} 的权限是 {mode}，应当是 0o400。", "{path} has mode {mode}, but must have 0o400."),
        ("{do}", "{do}"),
    ),
    "limits_exposed": (
        ("{path} 的权限是 {mode}，应当是 0o400。", "{path} has mode {mode}, but must have 0o400."),
        ("{do}", "{do}"),
    ),
    "limits_differ": (
        (
            "{name} 设为 {set_to}，签名限制文件 {path} 里却是 {held_to}。",
            "{name} is set to {set_to}, but the signer's limits, {path}, say {held_to}.",
        ),
        ("改回设置，或运行：{do}", "Set it back, or run: {do}"),
    ),
    "book_missing": (
        ("{path} 没有账本。", "There is no book at {path}."),
        ("用 --home 或 VB_HOME 指明数据文件夹；恢复时写对备份文件。", "Say where it is, with --home or as the copy."),
    ),
    "faults_unreadable": (
        ("看不懂 --faults 里的 {part}。", "--faults: {part} cannot be understood."),
        ("写成 offline=10%,slow=5%；可用：{names}。", "Write offline=10%,slow=5%; there are {names}."),
    ),
    "service_url": (
        ("{url} 不是服务地址。", "{url} is no address of a service."),
        ("写成 --url http://主机:端口。", "Write --url http://host:port."),
    ),
    "service_away": (
        ("服务没有应答。", "The service does not answer."),
        ("它在运行吗？用 --url 或 VB_URL 指明地址。", "Is it running? Say where it is with --url or VB_URL."),
    ),
    "token_missing": (
        ("喇叭 {speaker} 还没有登记，登记需要令牌。", "Loudspeaker {speaker} is not enrolled yet; that needs a token."),
        (
            "第一次运行时给它 --token（权限 {role}）。",
            "Give it a --token with the role {role} the first time.",
        ),
    ),
    "enrol_refused": (
        ("服务不肯登记这只喇叭（{status}）：{why}", "The service refused to enrol it ({status}): {why}"),
        ("换一个编号，或请管理员看看令牌的权限。", "Choose another id, or have an administrator look at the token."),
    ),
    "speaker_home": (
        ("{path} 属于喇叭 {holds}，不是 {asked}。", "{path} belongs to loudspeaker {holds}, not to {asked}."),
        ("用 --home 换一个文件夹。", "Choose another folder with --home."),
    ),
    "speaker_key": (
        ("{path} 不是喇叭的密钥。", "{path} is no loudspeaker's key."),
        ("删掉它，用新编号重新登记。", "Remove it and enrol under a new id."),
    ),
    "enrolment_unreadable": (
        ("看不懂服务对登记的答复。", "What the service answered to the enrolment cannot be understood."),
        ("让服务和喇叭用同一版本。", "Let service and loudspeaker be of the same version."),
    ),
}
