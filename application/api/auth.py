"""Bearer tokens of an OpenID Connect issuer."""

import json
from functools import cache
from typing import Annotated
from urllib.request import urlopen

import jwt
from fastapi import Header, HTTPException

from api.logs import log

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones only: with a shared key among them, anyone who has the public key could sign."""

_TIMEOUT = 5
"""Seconds that the issuer has to answer."""

_LEEWAY = 10
"""Seconds that the issuer's clock may differ from this one."""


class TokenCheck:
    """A dependency that accepts requests with a bearer token that an issuer signed for an audience.

    The issuer's keys are read for the first token and cached for five minutes; for an unknown key they are read again,
    at most twice a minute.
    """

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = cache(self._discover)

    def __call__(self, authorization: Annotated[str | None, Header()] = None) -> None:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            # Without a token, the response has no error code (RFC 6750, section 3.1).
            raise HTTPException(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})
        try:
            jwt.decode(
                token,
                self._keys().get_signing_key_from_jwt(token),
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (OSError, ValueError, KeyError, jwt.PyJWKClientConnectionError, jwt.PyJWKSetError) as error:
            log.error("the issuer's keys cannot be read", extra={"issuer": self._issuer, "cause": str(error)})
            raise HTTPException(503, "tokens cannot be checked at the moment", {"Retry-After": "5"}) from error
        except jwt.PyJWTError as error:
            log.warning("token refused", extra={"cause": str(error)})
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise HTTPException(401, f"the token is not accepted: {error}", challenge) from error

    def _discover(self) -> jwt.PyJWKClient:
        address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        with urlopen(address, timeout=_TIMEOUT) as answer:  # noqa: S310 - the operator's own setting
            configuration = json.load(answer)
        if configuration["issuer"] != self._issuer:
            raise ValueError(
                f"AUTH_ISSUER is {self._issuer}, but the issuer there calls itself {configuration['issuer']}"
            )
        return jwt.PyJWKClient(configuration["jwks_uri"], timeout=_TIMEOUT)
