"""The API's page for people, made of the OpenAPI document: plain HTML without a script, so that it works offline."""

from html import escape
from typing import Any


def reference_page(document: dict[str, Any]) -> str:
    """Write every route with its fields and answers."""
    parts = [_route(path, method, route) for path, routes in document["paths"].items() for method, route in routes.items()]
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title></head><body><h1>{title}</h1>'
        f'<p>{escape(document["info"]["description"])} For programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{''.join(parts)}</body></html>"
    )


def _route(path: str, method: str, route: dict[str, Any]) -> str:
    content = route.get("requestBody", {}).get("content", {})
    schema = content.get("multipart/form-data", {}).get("schema", {})
    required = schema.get("required", [])
    fields = "".join(
        f"<tr><td><code>{escape(name)}</code>{' (required)' if name in required else ''}</td>"
        f"<td>{escape(_kind(field))}</td><td>{escape(str(field.get('default', '')))}</td>"
        f"<td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in schema.get("properties", {}).items()
    )
    table = f"<table><tr><th>field</th><th>kind</th><th>default</th><th></th></tr>{fields}</table>" if fields else ""
    answers = "".join(
        f"<li>{escape(status)}: {escape(answer['description'])} {escape(', '.join(answer.get('content', {})))}</li>"
        for status, answer in route["responses"].items()
    )
    return (
        f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2><p>{escape(route.get('summary', ''))}</p>{table}"
        f"<ul>{answers}</ul>"
    )


def _kind(field: dict[str, Any]) -> str:
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    option = options[0]
    if "enum" in option:
        return ", ".join(map(str, option["enum"]))
    if option.get("type") == "array":
        return f"repeatable: {_kind(option['items'])}"
    limits = [f"{option[key]}" for key in ("minimum", "maximum") if key in option]
    return " ".join([option.get("format", option.get("type", "")), " to ".join(limits)]).strip()
