"""Component styles as a line-painting widget needs them: text and ground apart, translucent colors mixed."""

from rich.style import Style
from textual.widget import Widget


def ink(widget: Widget, component: str) -> Style:
    """The color and the weight of a component's text, on whatever ground."""
    style = widget.get_visual_style(component).rich_style
    return Style(color=style.color, bold=style.bold, dim=style.dim, italic=style.italic, underline=style.underline)


def ground(widget: Widget, component: str) -> Style:
    """The background of a component."""
    return Style(bgcolor=widget.get_visual_style(component).rich_style.bgcolor)
