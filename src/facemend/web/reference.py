"""The API's page for people, made of the OpenAPI document: plain HTML without a script, so that it works offline."""

from html import escape
from typing import Any


def reference_page(document: dict[str, Any]) -> str:
    """Write every route with its fields and answers, and the errors of all of them once."""
    routes = [(path, method, route) for path, methods in document["paths"].items() for method, route in methods.items()]
    errors = {
        status: answer["description"]
        for _, _, route in routes
        for status, answer in route["responses"].items()
        if not status.startswith("2")
    }
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><link rel="stylesheet" href="docs.css"></head><body><main><h1>{title}</h1>'
        f'<p>{escape(document["info"]["description"])} For programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{''.join(_route(*route) for route in routes)}<section><h2>Errors</h2>{_table((), sorted(errors.items()))}</section>"
        "</main></body></html>"
    )


def _route(path: str, method: str, route: dict[str, Any]) -> str:
    content = route.get("requestBody", {}).get("content", {})
    schema = content.get("multipart/form-data", {}).get("schema", {})
    rows = [
        (f"{name}, required" if name in schema.get("required", []) else name, _kind(field), _default(field), _text(field))
        for name, field in schema.get("properties", {}).items()
    ]
    answers = ", ".join(route["responses"]["200"].get("content", {}))
    return (
        f"<section><h2><code>{escape(method.upper())} {escape(path)}</code></h2><p>{escape(route.get('summary', ''))}</p>"
        f"{_table(('field', 'kind', 'default', ''), rows) if rows else ''}<p>Answers with {escape(answers)}</p></section>"
    )


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = f"<tr>{''.join(f'<th>{escape(text)}</th>' for text in heads)}</tr>" if heads else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table>{head}{body}</table>"


def _kind(field: dict[str, Any]) -> str:
    option = next(option for option in field.get("anyOf", [field]) if option.get("type") != "null")
    if "enum" in option:
        return ", ".join(map(str, option["enum"]))
    if option.get("type") == "array":
        return f"{_kind(option['items'])}, repeatable"
    if option.get("format") == "binary":
        return "picture"
    limits = [f"{option[key]:.17g}" for key in ("minimum", "maximum") if key in option]
    return " ".join([option["type"], " to ".join(limits)]).strip()


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    return "" if default in (None, []) else str(default)


def _text(field: dict[str, Any]) -> str:
    return str(field.get("description", ""))
