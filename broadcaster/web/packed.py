"""Packed: our own files as browsers load them: small, and kept for as long as they do not change."""

import asyncio
import gzip
from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers, QueryParams
from starlette.responses import FileResponse, Response
from starlette.types import Scope

PACKED = frozenset({".css", ".js", ".svg"})
FOR_EVER = "public, max-age=31536000, immutable"
LOOK_AGAIN = "no-cache"


class Packed(StaticFiles):
    """Static files, packed once for browsers that take gzip; an address with ``?v=`` names one content for ever.

    Only files are packed, never pages: packing secrets together with what others typed would give them away by size
    (BREACH).
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self._packed: dict[tuple[Path, float], bytes] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file."""
        answer = await super().get_response(path, scope)
        if isinstance(answer, FileResponse) and _is_wanted(answer, scope):
            answer = await self._pack(answer)
        is_named = "v" in QueryParams(scope["query_string"])
        answer.headers["Cache-Control"] = FOR_EVER if is_named else LOOK_AGAIN
        answer.headers.add_vary_header("Accept-Encoding")
        return answer

    async def _pack(self, answer: FileResponse) -> Response:
        packed = await asyncio.to_thread(self._packed_file, Path(answer.path))
        headers = {"ETag": answer.headers["etag"], "Content-Encoding": "gzip"}
        return Response(packed, media_type=answer.media_type, headers=headers)

    def _packed_file(self, path: Path) -> bytes:
        key = path, path.stat().st_mtime
        if key not in self._packed:
            self._packed[key] = gzip.compress(path.read_bytes(), mtime=0)
        return self._packed[key]


def _is_wanted(answer: FileResponse, scope: Scope) -> bool:
    takes = Headers(scope=scope).get("accept-encoding", "")
    return "gzip" in takes and Path(answer.path).suffix in PACKED and "range" not in Headers(scope=scope)
