"""Covers as SVG, for browsers."""

from __future__ import annotations

from collections.abc import Iterable

from elonara.covers.shapes import HEIGHT, WIDTH, Area, Halo, Oval, Shape, Stroke, Wash


def svg(shapes: Iterable[Shape]) -> str:
    """The text of a file. No text, no style, no script: it holds under any Content-Security-Policy."""
    body: list[str] = []
    gradients: list[str] = []
    for shape in shapes:
        match shape:
            case Area():
                body.append(f'<path fill="{shape.fill}"{_opacity(shape.opacity)} d="{shape.outline}"/>')
            case Stroke():
                line = f'stroke="{shape.colour}" stroke-width="{_number(shape.width)}"{_opacity(shape.opacity)}'
                body.append(f'<path fill="none" {line} d="{shape.outline}"/>')
            case Oval():
                body.append(_oval(shape))
            case Wash():
                name = f"w{len(gradients)}"
                stops = f'<stop stop-color="{shape.above}"/><stop offset="1" stop-color="{shape.below}"/>'
                gradients.append(f'<linearGradient id="{name}" x2="0" y2="1">{stops}</linearGradient>')
                body.append(
                    f'<rect fill="url(#{name})" x="{_number(shape.x)}" y="{_number(shape.y)}" '
                    f'width="{_number(shape.width)}" height="{_number(shape.height)}"/>'
                )
            case Halo():
                name = f"h{len(gradients)}"
                stops = (
                    f'<stop stop-color="{shape.colour}" stop-opacity="{_number(shape.opacity)}"/>'
                    f'<stop offset="1" stop-color="{shape.colour}" stop-opacity="0"/>'
                )
                gradients.append(f'<radialGradient id="{name}">{stops}</radialGradient>')
                at = f'cx="{_number(shape.x)}" cy="{_number(shape.y)}" r="{_number(shape.radius)}"'
                body.append(f'<circle fill="url(#{name})" {at}/>')
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} stroke-linecap="round" stroke-linejoin="round">'
    defined = f"<defs>{''.join(gradients)}</defs>\n" if gradients else ""
    return f"{head}\n{defined}{'\n'.join(body)}\n</svg>\n"


def _oval(shape: Oval) -> str:
    at = f'cx="{_number(shape.x)}" cy="{_number(shape.y)}"'
    rest = f'fill="{shape.fill}"{_opacity(shape.opacity)}/>'
    if not shape.ry:
        return f'<circle {at} r="{_number(shape.rx)}" {rest}'
    return f'<ellipse {at} rx="{_number(shape.rx)}" ry="{_number(shape.ry)}" {rest}'


def _opacity(value: float) -> str:
    return "" if value == 1 else f' opacity="{_number(value)}"'


def _number(value: float) -> str:
    return f"{round(value, 2):g}"
