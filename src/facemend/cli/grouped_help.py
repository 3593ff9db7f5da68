"""Help under headings, in plain text: typer itself draws groups of options only with rich's boxes."""

from typing import Any

from typer.core import TyperCommand


class GroupedCommand(TyperCommand):
    """A verb whose options stand under the headings that `rich_help_panel` names."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write every option's line under its heading, in the order in which the headings first appear."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            line = param.get_help_record(ctx)
            if line is not None:
                heading = getattr(param, "rich_help_panel", None)
                groups.setdefault(heading or ("Arguments" if param.param_type_name == "argument" else "Options"), []).append(line)
        for heading, lines in groups.items():
            with formatter.section(heading):
                formatter.write_dl(lines)
