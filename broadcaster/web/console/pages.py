"""Pages: all routes of staff and operators in one router."""

from fastapi import APIRouter

from broadcaster.web.console import granting, heard, people, slips, stopping, today, welcoming, writing

router = APIRouter(include_in_schema=False)
# Writing first: its fixed addresses would otherwise be taken for the ids of notices.
for part in (welcoming, today, writing, slips, heard, stopping, people, granting):
    router.include_router(part.router)
