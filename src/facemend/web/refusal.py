"""Errors as clients see them: a status, a code for programs, one line for people. Never a path, a trace or a secret."""

from collections.abc import Generator
from contextlib import contextmanager

from pydantic import BaseModel
from starlette.responses import JSONResponse

from facemend.errors import ConfigError, FacemendError, MaskError, OutputError


class ErrorDetail(BaseModel):
    """What is wrong."""

    code: str
    message: str


class ErrorAnswer(BaseModel):
    """The body of every error."""

    error: ErrorDetail


class RefusalError(Exception):
    """A request that is not answered with what it asks for."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        line = " ".join(message.split()).encode(errors="replace").decode()  # what a client sent may hold half a surrogate pair
        self.answer = ErrorAnswer(error=ErrorDetail(code=code, message=line))
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"

    def response(self) -> JSONResponse:
        """Tell the client."""
        return JSONResponse(self.answer.model_dump(), self.status, self.headers)


_CODES: dict[type[FacemendError], str] = {MaskError: "mask", ConfigError: "field", OutputError: "format"}


@contextmanager
def refusing(picture: str) -> Generator[None]:
    """Turn an error of the user's, raised within, into a refusal; an ImageError is about the picture named."""
    try:
        yield
    except FacemendError as error:
        raise RefusalError(422, _CODES.get(type(error), picture), str(error)) from None
