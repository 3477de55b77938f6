"""Frame: what stands round every page of the console: the menu, the visitor, and the way to stop everything."""

from functools import partial
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from broadcaster.desk.authority import Asker
from broadcaster.desk.cancelling import CANCELLERS
from broadcaster.desk.rows import Role
from broadcaster.web.auth import Visitor
from broadcaster.web.rendering import render


def page(request: Request, visitor: Visitor, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """Answer with a page of the console."""
    around = {
        "visitor": visitor,
        "menu": menu(visitor.asker),
        "may_stop": may_stop(visitor.asker),
        "may_draft": Role.DRAFT in visitor.asker.roles(),
        "csrf": partial(csrf_field, visitor),
    }
    return render(request, template, status, **(around | facts))


def menu(asker: Asker) -> list[tuple[str, str]]:
    """Return the addresses that somebody has use for, each with the key of its words."""
    shown = [("/console", "nav.today"), ("/console/notices", "nav.notices")]
    if Role.DRAFT in asker.roles():
        shown.append(("/console/notices/new", "nav.new"))
    if asker.roles() & {Role.ADMIN, Role.AUDIT}:
        shown.append(("/console/people", "nav.people"))
    return shown


def may_stop(asker: Asker) -> bool:
    """Tell whether somebody may silence anything at all."""
    return bool(asker.areas(*CANCELLERS))


def csrf_field(visitor: Visitor) -> Markup:
    """Return the hidden field that shows that a form is ours."""
    secret = visitor.session.csrf if visitor.session else ""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(secret)
