"""One file with all of Mlango, for machines without a network.

Here it is made (`making`, with `programs` for Debian packages). `header.sh` is the script at the front of the file;
`settle.py` puts the tree in place on the other machine, before any package is installed there.
"""

from __future__ import annotations
