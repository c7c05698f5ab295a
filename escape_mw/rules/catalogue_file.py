"""From the catalogue's YAML sources, which people edit, to the JSON that processes read.

    python -m escape_mw.rules.catalogue_file

checks the sources and writes `catalogue/catalogue.json` beside them. The JSON is committed, and a
test compares: it loads in less than a millisecond, and neither YAML nor pydantic is needed for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from .catalogue_schema import CatalogueForm

FOLDER = Path(__file__).parent.parent / "catalogue"


def compiled(folder: Path = FOLDER) -> str:
    """The sources of a folder as JSON text.

    Raises pydantic.ValidationError where an entry does not have the form of its kind.
    """
    data = {
        name: yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8"))
        for name in CatalogueForm.model_fields
    }
    plain = CatalogueForm.model_validate(data).model_dump(exclude_defaults=True)
    parts = (f'"{name}": {_rows(part)}' for name, part in plain.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rows(part: Any) -> str:
    """A part of the catalogue, an entry in each line."""
    if isinstance(part, dict):
        return json.dumps(part, ensure_ascii=False)
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in part) + "\n]"


if __name__ == "__main__":
    (FOLDER / "catalogue.json").write_text(compiled(), encoding="utf-8")
