"""Plain values as GeoReport's JSON and XML.

JSON is the value itself. XML names what a list holds after the list, as the specification's samples do.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson

Form = Literal["json", "xml"]

TYPES: Final = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}

# What stands in each list
_ITEMS: Final = {
    "services": "service",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "errors": "error",
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
}
# What XML 1.0 cannot hold, not even escaped
_UNSPEAKABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def rendered(form: Form, root: str, value: Any) -> bytes:
    """`value` in UTF-8; `root` is the outermost element of the XML."""
    if form == "json":
        return orjson.dumps(value)
    top = Element(root)
    _fill(top, value)
    body: bytes = tostring(top, encoding="utf-8", xml_declaration=True)
    return body


def _fill(element: Element, value: Any) -> None:
    match value:
        case dict():
            for name, each in value.items():
                _fill(SubElement(element, name), each)
        case list():
            for each in value:
                _fill(SubElement(element, _ITEMS[element.tag]), each)
        case bool():
            element.text = str(value).lower()
        case None:
            pass
        case _:
            element.text = _UNSPEAKABLE.sub("\ufffd", str(value))
