"""`python -m ussd_app`, which is what `./mlango` runs."""

from __future__ import annotations

from ussd_app.cli import main

main()
