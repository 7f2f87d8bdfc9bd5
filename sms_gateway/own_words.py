"""What in a text is not the citizen's own: money receipts, our SMS sent back, signatures, what is left of a picture.

Pure. The patterns are of what networks, phones and this service write in Kenya, in English and Swahili; the citizen's
own words for things stand in `locales/keywords.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

from sms_gateway.typed import Word, words

RECEIPT_MARK: Final = "[M-PESA]"  # stands where a receipt stood among other words
LONGEST: Final = 4_000  # letters of a text that is searched; no phone sends a longer SMS
_LEAST_COPIED: Final = 5  # words in a row that nobody writes as we do by chance


def without_receipt(text: str) -> str:
    """`text` with each money receipt in it replaced by RECEIPT_MARK; '' where nothing else was written.

    A receipt holds the names and numbers of others, and its codes and amounts are no case number.
    """
    if not has_receipt(text):
        return text
    for pattern in (_RECEIPT, *_RECEIPT_TAILS):
        text = pattern.sub(RECEIPT_MARK, text)
    text = _MARKS.sub(f" {RECEIPT_MARK} ", text).strip()
    return text if any(map(str.isalpha, text.replace(RECEIPT_MARK, ""))) else ""


def has_receipt(text: str) -> bool:
    """Whether a receipt of a mobile money service stands in it, in English or Swahili."""
    return len(text) <= LONGEST and _RECEIPT.search(text) is not None


def without_echo(text: str, ours: Sequence[str]) -> str:
    """`text` without what we wrote ourselves: copies of `ours` (our last SMS to them, also cut short), quoted lines,
    what a phone puts above a reply, and the closing lines of our texts. '' where nothing of their own is left."""
    if len(text) > LONGEST:
        return text
    text = _QUOTED.sub("", _FORWARDED.sub("", _ABOVE_REPLY.sub("", text)))
    for mine in ours:
        text = _without_copy(text, mine)
    return _FOOTER.sub("", text).strip()


def is_ours(text: str) -> bool:
    """Whether it begins as our SMS do, forwarded or not: somebody sends us our own words."""
    forwarded = _FORWARDED.match(text)
    own = text[forwarded.end() :] if forwarded else text
    return bool(_OUR_BEGINNING.match(own) or (forwarded and _OUR_NUMBER.search(own)))


def without_machine_signature(text: str) -> str:
    """`text` without what a phone or a mail program adds at its end."""
    return _MACHINE.sub("", text) if len(text) <= LONGEST else text


def without_signature(text: str) -> str:
    """`text` without the name at its end: "- John", "from John Kamau Kayole", "Ahsante. Wanjiku"."""
    for pattern in _SIGNED if len(text) <= LONGEST else ():
        found = pattern.search(text)
        if found and found.start():
            return text[: found.start()]
    return text


def without_picture(text: str) -> str:
    """`text` without what is left of a picture or another thing that SMS cannot carry."""
    return _PICTURE.sub("", text)


def _without_copy(text: str, mine: str) -> str:
    said, written = list(words(text)), [word.folded for word in words(mine)]
    matcher = SequenceMatcher(None, written, [word.folded for word in said], autojunk=False)
    for block in reversed(matcher.get_matching_blocks()):
        if block.size >= min(_LEAST_COPIED, len(written)) > 0:
            end, after = block.b + block.size, written[block.a + block.size :]
            cut_short = bool(after and end < len(said) and after[0].startswith(said[end].folded))
            text = _cut(text, said[block.b : end + cut_short])
    return text


def _cut(text: str, copied: Sequence[Word]) -> str:
    return f"{text[: copied[0].start].rstrip(' >(')}\n{text[copied[-1].end :].lstrip(_SIGNS)}"


_SIGNS: Final = " .,:;!?)\"'»”"

# "QGH7K2L9XY Confirmed. Ksh500.00 sent to JANE 0712… on 3/2/26 at 6:43 PM": a code, the word, an amount, and a date
_AMOUNT: Final = r"(?:ksh|kes|tzs|ugx)s?\.?\s?[\d,]+(?:\.\d+)?"
_WHEN: Final = r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}(?:,?\s*(?:at|saa|mnamo)?\s*\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]m)?\.?)?"
_RECEIPT: Final = re.compile(
    rf"""(?:\b(?=[A-Z]*\d)(?=\d*[A-Z])[A-Z0-9]{{8,12}}[\s.,:]+           # M-PESA's code, or it is cut off
            |\A\s*+|\b(?=\w{{9,15}}\.\s*(?:{_AMOUNT}|you\s+have|umepokea)))
         (?:confirmed|imethibitishwa|umethibitishwa)\b\.?\s*(?=[^\n]{{0,120}}?{_AMOUNT})
         (?:.{{0,200}}?\b{_WHEN}|[^.\n]*{_AMOUNT}[^.\n]*\.?)
       | \b(?:TID|Trans(?:action)?\s*ID|Txn\s*ID)\s*:?\s*[A-Z0-9.]{{6,20}}\b.{{0,160}}?{_AMOUNT}[^.\n]*\.?  # others'
       | \b(?:you\s+have\s+received|umepokea)\s+{_AMOUNT}\s+(?:from|kutoka(?:\s+kwa)?)\s+.{{0,80}}?\b{_WHEN}""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_RECEIPT_TAILS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:your\s+)?new\s+(?:m-?pesa|airtel\s+money|t-?kash|account)?\s*(?:account\s+)?balance\s+is\s+{_AMOUNT}\.?",
        rf"\bsalio\s+(?:lako\s+)?(?:jipya\s+)?(?:la\s+)?(?:m-?pesa\s+)?ni\s+{_AMOUNT}\.?",
        rf"\b(?:transaction\s+cost|gharama\s+ya\s+(?:kutuma|kutoa|muamala|malipo)(?:\s+ni)?)\s*[,:]?\s*{_AMOUNT}\.?",
        r"\bamount\s+you\s+can\s+transact\s+within\s+the\s+day\s+is\s+[\d,.]+\.?",
        r"\bto\s+reverse,?\s+forward\s+this\s+message\s+to\s+\d+\.?",
    )
)
_MARKS: Final = re.compile(rf"\s*{re.escape(RECEIPT_MARK)}(?:[\s.,]*{re.escape(RECEIPT_MARK)})*\s*")

_FORWARDED: Final = re.compile(r"\A\s*(?:fwd?|fw|forwarded(?:\s+message)?|imetumwa\s+tena)\s*:\s*", re.IGNORECASE)
_ABOVE_REPLY: Final = re.compile(
    r"^[ \t]*+(?:on\s[^\n]{1,120}\bwrote:|-{2,}\s*(?:original|forwarded)\s+message\s*-{2,}"
    r"|begin\s+forwarded\s+message:).*",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_QUOTED: Final = re.compile(r"^[ \t]*+(?:>|&gt;)[^\n]*$", re.MULTILINE)
_NUMBER: Final = r"[#]?\s?\d[\d\s-]{3,12}"
_OUR_BEGINNING: Final = re.compile(
    rf"""\s*+["'“«]?\s*+(?:[\w' -]{{1,20}}:\s*+)?                        # the name of the service
         (?:(?:complaint|message)\s+{_NUMBER}\s*received
          | added\s+to\s+{_NUMBER}
          | your\s+(?:complaint|case|reference)(?:\s+(?:number|no\.?))?\s+is\s+{_NUMBER}
          | tumepokea\s+(?:lalamiko|ujumbe)\s+{_NUMBER}
          | maelezo\s+yameongezwa\s+kwenye\s+{_NUMBER}
          | (?:nambari|namba)\s+ya\s+lalamiko\s+(?:lako\s+)?ni\s+{_NUMBER})""",
    re.IGNORECASE | re.VERBOSE,
)
_OUR_NUMBER: Final = re.compile(rf"\b(?:case|complaint|lalamiko)\s+(?:\w+\s+){{0,2}}{_NUMBER}", re.IGNORECASE)
_FOOTER: Final = re.compile(
    r"\s*+\b(?:reply\s+to\s+add\s+details|jibu\s+kuongeza\s+maelezo|reply\s+stop\s+to\s+(?:stop|opt\s?out)|stop\s?=\s?no\s+sms)\b\.?",
    re.IGNORECASE,
)
_MACHINE: Final = re.compile(
    r"\s*+[-–—]*+\s*+\b(?:sent\s+(?:from|via|using|with)\s+(?:my\s+)?[\w' .+-]{2,40}|get\s+outlook\s+for\s+\w+"
    r"|imetumwa\s+kutoka\s+[\w' .+-]{2,40})\s*\Z",
    re.IGNORECASE,
)
_NAME: Final = r"[^\W\d_]+(?:[ .'-]+[^\W\d_]+){0,3}\.?"
_TITLED: Final = r"[A-Z][^\W\d_]+(?: [A-Z][^\W\d_]+){0,2}\.?"
_SIGNED: Final = (
    re.compile(rf"(?:\s[-–—~]+\s?|[\n\r]\s*+[-–—~]*+\s*+)(?:by |kwa |ni )?{_NAME}\s*\Z"),
    re.compile(rf"[\s,.;-](?:from|by|kutoka(?: kwa)?|it'?s|ni mimi|mimi ni|wako|yours|regards)[, ]+{_NAME}\s*\Z", re.I),
    re.compile(rf"(?<=[.!,])\s+{_TITLED}\s*\Z"),
)
_PICTURE: Final = re.compile(
    r"[<\[(]\s*(?:mms|image|picture|photo|video|audio|media)(?:\s+\w+)?\s*[>\])]|[\ufffc\ufffd]"
    r"|\b(?:you\s+have\s+received\s+a\s+(?:new\s+)?(?:multimedia|picture|mms)\s+message|multimedia\s+message)\b[^\n]*",
    re.IGNORECASE,
)
