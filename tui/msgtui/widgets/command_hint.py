"""What the command that is being typed may become."""

from textual.content import Content
from textual.widgets import Static

from msgtui.actions import Action

_MAX_SHOWN = 5


class CommandHint(Static):
    """A few lines above the composer; gone when there is nothing to hint at."""

    DEFAULT_CSS = """
    CommandHint {
        height: auto;
        max-height: 6;
        padding: 0 1;
        background: $panel;
        color: $foreground;
        display: none;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    def show(self, actions: list[Action], typed: str) -> None:
        """Show the commands that begin as typed."""
        self.display = bool(actions)
        prefix = typed[1:].lower()
        lines = []
        for action in actions[:_MAX_SHOWN]:
            name = next(name for name in action.commands if name.startswith(prefix))
            usage = f"/{name} {action.argument}".strip()
            lines.append(Content.assemble((f"{usage:<22}", "bold"), " ", (action.help, "$foreground-muted")))
        more = len(actions) - _MAX_SHOWN
        if more > 0:
            lines.append(Content.styled(f"and {more} more; Tab completes the first", "$foreground-muted"))
        self.update(Content("\n").join(lines))
