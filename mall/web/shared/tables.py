"""Tables to download: CSV that a spreadsheet opens as what it is, never as formulas."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def safe(cell: Any) -> Any:
    """Return a cell as it may stand in a CSV: a text that would be taken for a formula gets a quote before it.

    Numbers stay numbers (OWASP: CSV Injection).
    """
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(DANGEROUS) else cell


def csv_of(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, name: str) -> Response:
    """Return rows under headings as a CSV file to download."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([safe(heading) for heading in headings])
    table.writerows([safe(cell) for cell in row] for row in rows)
    return Response(
        "\ufeff" + out.getvalue(),  # Spreadsheets read UTF-8 only when told by this mark.
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}.csv"},
    )
