"""Routes for signing in at an OpenID provider, whose answer becomes the session of a browser."""

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from flowc.server.access.callers import Caller, Forbidden
from flowc.server.access.sign_in_attempts import (
    FIRST_PAGE,
    SignInAttempt,
    SignInProblem,
    SignInRefused,
)
from flowc.server.api.admission import admit_newcomer, grants_of
from flowc.server.api.errors import RESPONSES
from flowc.server.api.request_rates import TooManyRequests
from flowc.server.api.session_cookies import (
    attempt_in,
    cookie_in,
    delete_attempt,
    set_attempt,
    set_cookie,
)
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.times import now
from flowc.server.settings import Settings

if TYPE_CHECKING:
    from flowc.server.access.openid import OpenIdProvider

log = logging.getLogger(__name__)

router = APIRouter(tags=["access"], route_class=StrictRoute, responses=RESPONSES)

# Parameter of the pages' addresses, with the reason why a person is not signed in.
PROBLEM = "sign_in"
_LONGEST = 8_192


class OpenIdMethod(BaseModel):
    """The OpenID provider at which people can sign in."""

    name: str = Field(description="What people know it as.")
    begin: str = Field(description="Path that a browser opens to sign in there.")
    sign_out: str | None = Field(description="Path that a browser opens to sign out there, too.")


class SignInMethods(BaseModel):
    """How people can sign in."""

    key: bool = Field(description="Whether an API key or token is needed, and begins a session.")
    openid: OpenIdMethod | None


@router.get("/session/methods")
async def list_sign_in_methods(request: Request) -> SignInMethods:
    """Return how people can sign in, for the page that asks them to."""
    is_open = grants_of(request).is_open
    if is_open or _provider_of(request) is None:
        return SignInMethods(key=not is_open, openid=None)
    settings: Settings = request.app.state.settings
    leave = request.url_for("leave_provider").path
    method = OpenIdMethod(
        name=settings.oidc_name,
        begin=request.url_for("begin_sign_in").path,
        sign_out=leave if settings.oidc_sign_out == "provider" else None,
    )
    return SignInMethods(key=True, openid=method)


@router.get("/session/oidc", status_code=HTTPStatus.SEE_OTHER, response_class=RedirectResponse)
async def begin_sign_in(
    request: Request,
    page: Annotated[
        str, Query(max_length=_LONGEST, description="Page to which the person returns.")
    ] = FIRST_PAGE,
) -> RedirectResponse:
    """Lead a browser to the OpenID provider, at which a person signs in."""
    attempt, provider = SignInAttempt.new(page), _provider_of(request)
    if provider is None:
        return _failed(attempt.page, SignInProblem.OFF)
    try:
        answer = _redirect(await provider.address(attempt, _redirect_url(request)))
    except SignInRefused as problem:
        log.warning("No one can sign in at the OpenID provider: %s", problem)
        return _failed(attempt.page, problem.problem)
    set_attempt(request, answer, str(attempt))
    return answer


@router.get(
    "/session/oidc/callback", status_code=HTTPStatus.SEE_OTHER, response_class=RedirectResponse
)
async def finish_sign_in(
    request: Request,
    state: Annotated[str, Query(max_length=_LONGEST, description="As the provider got it.")] = "",
    code: Annotated[str, Query(max_length=_LONGEST, description="From the provider.")] = "",
    error: Annotated[str, Query(max_length=_LONGEST, description="Why there is no code.")] = "",
    iss: Annotated[str | None, Query(max_length=_LONGEST, description="The issuer.")] = None,
) -> RedirectResponse:
    """Begin a session of the person who comes back from the provider; lead to the page.

    If there is none, the page gets the reason in its parameter `sign_in`.
    """
    attempt, provider = SignInAttempt.read(attempt_in(request) or ""), _provider_of(request)
    page = FIRST_PAGE if attempt is None else attempt.page
    try:
        if provider is None:
            raise SignInRefused(SignInProblem.OFF, "There is no provider.")
        if attempt is None or not attempt.has_state(state):
            raise SignInRefused(SignInProblem.STATE, "The state is not that of the browser.")
        provider.require_issuer(iss)
        if error or not code:
            why = SignInProblem.DENIED if error == "access_denied" else SignInProblem.PROVIDER
            raise SignInRefused(why, f"The provider sent the error {error[:100]!r}.")
        answer = await _signed_in(request, provider, attempt, code)
    except SignInRefused as problem:
        log.warning("A person could not sign in at the OpenID provider: %s", problem)
        answer = _failed(page, problem.problem)
    except Forbidden as problem:
        log.warning("A person could not sign in at the OpenID provider: %s", problem)
        answer = _failed(page, SignInProblem.FORBIDDEN)
    except TooManyRequests:
        answer = _failed(page, SignInProblem.BUSY)
    delete_attempt(request, answer)
    return answer


async def _signed_in(
    request: Request, provider: "OpenIdProvider", attempt: SignInAttempt, code: str
) -> RedirectResponse:
    async def recognised() -> Caller:
        return await provider.caller(attempt, code, _redirect_url(request))

    caller, grants = await admit_newcomer(request, recognised), grants_of(request)
    if (former := cookie_in(request)) is not None:
        await grants.end(former)
    made = await grants.begin(caller)
    answer = _redirect(attempt.page)
    seconds = (made.grant.expires_at - now()).total_seconds()
    set_cookie(request, answer, made.secret, max(int(seconds), 1))
    return answer


@router.get(
    "/session/oidc/sign-out", status_code=HTTPStatus.SEE_OTHER, response_class=RedirectResponse
)
async def leave_provider(request: Request) -> RedirectResponse:
    """Lead a browser to where the provider ends its own session.

    `DELETE /session` ends the one of this server.
    """
    provider = _provider_of(request)
    if provider is None:
        return _redirect(FIRST_PAGE)
    try:
        home = str(request.base_url).rstrip("/") + FIRST_PAGE
        return _redirect(await provider.sign_out_address(home) or FIRST_PAGE)
    except SignInRefused as problem:
        log.warning("No one can sign out at the OpenID provider: %s", problem)
        return _redirect(FIRST_PAGE)


def _provider_of(request: Request) -> "OpenIdProvider | None":
    provider: OpenIdProvider | None = request.app.state.process.openid
    return provider


def _redirect_url(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.oidc_redirect_url or str(request.url_for("finish_sign_in"))


def _failed(page: str, problem: str) -> RedirectResponse:
    return _redirect(f"{page}{'&' if '?' in page else '?'}{PROBLEM}={problem}")


def _redirect(url: str) -> RedirectResponse:
    return RedirectResponse(url, HTTPStatus.SEE_OTHER)
