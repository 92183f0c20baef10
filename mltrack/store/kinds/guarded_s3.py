"""The HTTP session of S3: its library makes it, and lets us name the class."""

from typing import Any

from aiobotocore.httpsession import AIOHTTPSession

from mltrack.store.kinds.guarded_http import guard


class GuardedSession(AIOHTTPSession):  # type: ignore[misc]
    """See :mod:`mltrack.store.kinds.guarded_http`."""

    async def _get_session(self, proxy_url: Any) -> Any:
        session = await super()._get_session(proxy_url)
        guard(session)
        return session
