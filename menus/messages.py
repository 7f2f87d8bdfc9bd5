"""The texts of every SMS: templates by name, rendered from codes when they are sent. Pure.

A text fits one segment (160 septets) with its values; where it does not, values are clipped to their budgets. Only an
officer's own words (`note`) may make a second segment. A pack may word the news of a case itself (packs.texts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cases import reference
from locales import SOURCE, fallbacks, say, translations
from locales.gsm7 import septets
from menus import fit
from menus.values import Names, shown_date
from packs.model import Pack, Text
from packs.texts import WIDTHS, own_text
from sms_gateway.encoding import clip, plain, segments

TEMPLATES: Final[Mapping[str, str]] = {
    # a case
    "received": say(
        "{service}: Complaint {ref} received: {sub}, {place}. Sent to {agency}. Answer by {date}. Reply to add details."
    ),
    "received_anywhere": say(
        "{service}: Complaint {ref} received: {sub}. Sent to {agency}. Answer by {date}. Reply to add details."
    ),
    "received_ask_place": say(
        "{service}: Complaint {ref} received: {sub}. Where is it? Reply with the ward, estate or town. "
        "If you cannot, we will call you."
    ),
    "received_ask_which": say(
        "{service}: Complaint {ref} received. Which {place}? Reply 1 {p1}, 2 {p2}, 3 {p3}, or the county's name."
    ),
    "received_ask_which_of_two": say(
        "{service}: Complaint {ref} received. Which {place}? Reply 1 {p1}, 2 {p2}, or the county's name."
    ),
    "received_neutral": say(
        "{service}: your message is received. Number {ref}. A person will read it. In danger call 999 or 112, free."
    ),
    "received_known": say(
        "{service}: Complaint {ref} received. {n} people reported {sub}, {place}. Same problem? Reply 1 to be added, "
        "2 if not."
    ),
    "known_issue": say(
        "{service}: You are added: {ref} {sub}, {place} ({n} people). With {agency}, due {date}. We will SMS you."
    ),
    "known_issue_anywhere": say(
        "{service}: You are added: {ref} {sub} ({n} people). With {agency}, due {date}. We will SMS you."
    ),
    "received_ask_what": say(
        "{service}: Message {ref} received. What is it about? Reply 1 water 2 power 3 roads 4 health 5 ID 6 police "
        "7 land 8 other, and your place."
    ),
    "received_guess": say(
        "{service} {ref}: {sub}, {place}. Sent to {agency}, answer by {date}. Wrong? Reply NO and the right place."
    ),
    "received_guess_anywhere": say("{service} {ref}: {sub}. Sent to {agency}, answer by {date}. Wrong? Reply NO."),
    "received_helpline": say(
        "{service}: in danger call {police} or {emergency} now, free. Day and night: {violence}, child {child}. "
        "Your message {ref} is received; a person will read it."
    ),
    "received_danger": say(
        "{service}: in danger call {police} or {emergency} now. {ref}: {sub}, {place}, is with {agency}. Wrong? "
        "Reply NO and the place."
    ),
    "received_danger_ask_place": say(
        "{service}: in danger call {police} or {emergency} now, free. {ref}: {sub}. Where is it? Reply with the "
        "ward, estate or town."
    ),
    "attach": say(
        "{service}: we took your SMS as a new complaint. Is it about {ref} ({sub})? Then send {ref} and your "
        "words in one SMS."
    ),
    "added": say("{service}: added to {ref} ({sub}). Is it a different problem? Reply NEW."),
    "added_unnamed": say("{service}: added to {ref}. Is it a different problem? Reply NEW."),
    # news of a case
    "assigned": say("{service}: {ref} ({sub}) is now with {agency}. Answer by {date}. You need not do anything."),
    "moved": say(
        "{service}: {ref} moved to {agency}, who handle this. Nothing is lost; answer by {date}. "
        "You need not do anything."
    ),
    "in_progress": say(
        "{service}: {agency} has started on {ref} ({sub}, {place}). Expected by {date}. We will SMS you when it is "
        "done."
    ),
    "in_progress_anywhere": say(
        "{service}: {agency} has started on {ref} ({sub}). Expected by {date}. We will SMS you when it is done."
    ),
    "question": say("{service}: {ref}: {agency} asks: {note} Reply to this SMS by {date}."),
    "answered": say("{service}: thank you. Your answer on {ref} is with {agency}. Expected by {date}."),
    "waiting": say("{service}: {ref}: {agency} must wait for others: {note} Expected by {date}."),
    "resolved": say("{service}: {ref}, {agency} says: {note} Is it fixed? Reply 1 for YES or 2 for NOT YET."),
    "resolved_followed": say(
        "{service}: {ref}: {agency} says {sub}, {place} is fixed. Is it? Reply 1 for YES or 2 for NOT YET."
    ),
    "resolved_followed_anywhere": say(
        "{service}: {ref}: {agency} says {sub} is fixed. Is it? Reply 1 for YES or 2 for NOT YET."
    ),
    "resolved_last_call": say(
        "{service}: is {ref} ({sub}) fixed? Reply 1 YES or 2 NOT YET by {date}. No reply closes it. "
        "You can reopen it later."
    ),
    "rate": say(
        "{service}: good news, thank you. How were you served on {ref}? Reply 1 (very badly) to 5 (very well)."
    ),
    "thanks": say("{service}: thank you. Your answer goes to those who run the service."),
    "reopened": say(
        "{service}: sorry it is not fixed. {ref} is open again and a supervisor knows. New date: {date}. "
        "Reply to say what is still wrong."
    ),
    "breached": say(
        "{service}: Sorry, {ref} ({sub}) is late. A supervisor at {agency} knows. Next news by {date}. "
        "No need to report again."
    ),
    "rejected": say("{service}: {ref} not accepted: {note} Disagree? Reply APPEAL by {date}; another officer decides."),
    "appealed": say(
        "{service}: your appeal on {ref} is received. An officer who did not decide it before will answer by {date}."
    ),
    "upheld": say("{service}: your appeal on {ref} was looked at anew. The decision stays: {note}"),
    "overturned": say("{service}: your appeal on {ref} succeeded: {note} It is open again. Answer by {date}."),
    "withdrawn": say(
        "{service}: {ref} is withdrawn as asked from this phone. Not you? Reply NO by {date} and it goes on."
    ),
    "restored": say("{service}: {ref} is not withdrawn. It goes on with {agency}. Answer by {date}."),
    "joined": say(
        "{service}: {ref} ({sub}) is joined to an earlier report of the same problem. You need not do anything; "
        "we will SMS you."
    ),
    "released": say(
        "{service}: {ref} ({sub}) goes on by itself; the one it was joined to has ended. With {agency}, "
        "answer by {date}."
    ),
    "neutral_news": say("{service}: there is news on {ref}. Dial {code}, press 2."),
    "neutral_news_by_sms": say("{service}: there is news on {ref}. Send CALL ME and we will call you."),
    "summary": say("{service}: news on {n} complaints: {list}. Send STATUS and a number."),
    # what was begun on the screen
    "drop_reminder": say(
        "{service}: the line dropped: {sub}, {place}. Reply 1 to send it now, or reply with more words. "
        "Or dial {code} and press 1."
    ),
    "drop_reminder_anywhere": say(
        "{service}: the line dropped: {sub}. Reply 1 to send it now, or reply with more words. "
        "Or dial {code} and press 1."
    ),
    "drop_reminder_by_sms": say(
        "{service}: the line dropped: {sub}, {place}. Reply 1 to send it now, or reply with more words."
    ),
    "drop_reminder_anywhere_by_sms": say(
        "{service}: the line dropped: {sub}. Reply 1 to send it now, or reply with more words."
    ),
    "draft_left": say(
        "{service}: all right, nothing was sent. To make a complaint dial {code}, or SMS the problem and the place."
    ),
    "draft_left_by_sms": say(
        "{service}: all right, nothing was sent. To make a complaint SMS the problem and the place."
    ),
    # when an answer does not fit
    "solved_unclear": say(
        "{service}: is {ref} ({sub}) fixed? Reply 1 YES or 2 NOT YET. Is your SMS about another problem? Reply NEW."
    ),
    "reopened_twice": say(
        "{service}: {ref} was reopened twice already. Reply APPEAL: an officer who did not decide it before looks "
        "at it."
    ),
    "rejected_unclear": say(
        "{service}: {ref} was not accepted. Do you disagree? Reply APPEAL by {date}. Is your SMS about another "
        "problem? Reply NEW."
    ),
    "too_late": say(
        "{service}: {ref} could be taken up again until {date}. If the problem is there still, SMS it with the place: "
        "that makes a new complaint."
    ),
    "final": say(
        "{service}: {ref} was decided on appeal; that decision stays. For a new problem SMS the problem and the place."
    ),
    "stale": say(
        "{service}: {ref} needs no such answer now: {status} since {date}. For a new problem SMS the problem and the "
        "place."
    ),
    "appeal_which": say("{service}: which complaint? Send APPEAL and its number, e.g. APPEAL 482915633."),
    "join_which": say("{service}: which complaint is yours too? Send ME TOO and its number, e.g. ME TOO 482915633."),
    "rate_which": say(
        "{service}: which complaint? Send RATE, a mark from 1 to 5 and the number, e.g. RATE 4 482915633."
    ),
    "reopen_which": say("{service}: which complaint? Send REOPEN and its number, e.g. REOPEN 482915633."),
    # answers to a keyword
    "status": say("{ref} {sub}, {place}: {status} since {date}. {agency}, due {date2}. Reply to add details."),
    "status_anywhere": say("{ref} {sub}: {status} since {date}. {agency}, due {date2}. Reply to add details."),
    "status_unnamed": say("{ref}: {status} since {date}. {agency}, due {date2}. Reply to add details."),
    "status_list": say("{service}: {list}. For one case send STATUS and its number."),
    "status_none": say(
        "{service}: This phone has no open complaint. To make one, SMS the problem and the place, e.g. No water, Lindi."
    ),
    "not_found": say(
        "{service}: no case {ref} for this phone. Check the number, or send STATUS alone for your list. "
        "Sent from another phone? Ask from it, or dial {code}."
    ),
    "not_found_by_sms": say(
        "{service}: no case {ref} for this phone. Check the number, or send STATUS alone for your list. Sent from "
        "another phone? Ask from it."
    ),
    "help": say(
        "{service}: SMS your problem and place, e.g. No water, Lindi. STATUS = your cases. CALL = we call you. "
        "STOP = no SMS. Danger: call 999 or 112."
    ),
    "helpline": say(
        "{service}: in danger call {police} or {emergency} now, free. Help, day and night: {violence}, child {child}."
    ),
    "did_you_mean": say("{service}: did you mean {word}? Reply 1 for YES. Is your SMS a complaint? Reply NEW."),
    "call_me": say("{service}: we will call you on this phone by {date}, free for you. Changed your mind? Reply NO."),
    "call_cancelled": say("{service}: we will not call you. To be called after all send CALL ME."),
    "stop": say(
        "{service}: we will not SMS you again. Your complaints go on; dial {code} to check. "
        "To get SMS again send START."
    ),
    "stop_by_sms": say(
        "{service}: we will not SMS you again. Your complaints go on; send STATUS to check. To get SMS again send "
        "START."
    ),
    "stop_ask": say(
        "{service}: what do you want to stop? Reply 1 all our SMS, 2 SMS about {ref} only. To withdraw a "
        "complaint dial {code}."
    ),
    "stop_ask_by_sms": say(
        "{service}: what do you want to stop? Reply 1 all our SMS, 2 SMS about {ref} only. Your complaint goes on."
    ),
    "stop_ask_all": say(
        "{service}: do you want no more SMS from us? Reply 1 for YES. Your complaints go on either way."
    ),
    "stop_one": say(
        "{service}: we will not SMS you about {ref} any more. It goes on. To see how it stands send STATUS and "
        "its number."
    ),
    "start": say("{service}: SMS are on again. Your open complaints: {n}. Send STATUS to see them."),
    "language": say("{service}: we will use English. Change: send LANG SW for Kiswahili."),
    "language_unknown": say(
        "{service}: we know LANG EN for English and LANG SW for Kiswahili. Please send one of them."
    ),
}


BY_SMS: Final = "_by_sms"  # ends the name of a text that stands for another where there is no USSD
SHORT_NOTE: Final = WIDTHS["note"]  # septets of an officer's words up to which one segment holds them
LONGEST_NOTE: Final = 190  # … and up to which two do
MOST_IN_LIST: Final = 3


class Renderer:
    """Makes the text of an SMS from its template and parameters, in the pack in force.

    `code` is what citizens dial; None or '' where there is no USSD: then no text says "dial".
    """

    def __init__(self, pack: Callable[[], Pack], service: str, code: str | None) -> None:
        self._pack, self._code = pack, code
        self._fixed = {"service": service, **({"code": code} if code else {})}

    def __call__(self, template: str, language: str, params: Mapping[str, Any]) -> str:
        """The text of `template` in `language`. Parameters are codes and ISO dates. KeyError for a wrong template."""
        pack = self._pack()
        names = Names(pack, language)
        numbers = {one.use: one.number for one in pack.emergency}
        values = {**numbers, **self._fixed, **{name: _value(names, name, value) for name, value in params.items()}}
        room = _room(values)
        own = own_text(pack, template, params.get("sub"))
        if own:
            try:
                return fit.fill(_in(own, language), values, room)
            except KeyError:  # it says more than may be said here, or of this case: the house's text does not
                pass
        return fit.fill(translations(language).gettext(TEMPLATES[self._variant(template)]), values, room)

    def _variant(self, template: str) -> str:
        """The template that stands for this one here: where there is no USSD, the one that does not say "dial"."""
        by_sms = f"{template}{BY_SMS}"
        return by_sms if not self._code and by_sms in TEMPLATES else template


def is_one_segment(text: str) -> bool:
    return segments(text).count == 1


def is_two_segments(text: str) -> bool:
    return segments(text).count <= 2


def _in(words: Text, language: str) -> str:
    return next((words[code] for code in fallbacks(language) if code in words), words[SOURCE])


def _room(values: Mapping[str, str]) -> Callable[[str], bool]:
    """How long the SMS may be: two segments only if an officer's words are too long for one. Words in another
    alphabet take what they take: cut to half a sentence they would say nothing."""
    width = septets(plain(values.get("note", "")))
    if width is None:
        return lambda _: True
    return is_two_segments if width > SHORT_NOTE else is_one_segment


def _value(names: Names, name: str, value: Any) -> str:
    match name:
        case "sub":
            return names.sub(value)
        case "place":
            return names.place(value)
        case "agency":
            return names.agency(value)
        case "status":
            return names.status(value)
        case "date" | "date2":
            return shown_date(value)
        case "ref":
            return reference.shown(value) if reference.is_valid(value) else str(value)
        case "list":
            newest = value[:MOST_IN_LIST]
            return ", ".join(f"{reference.shown(ref)} {names.status(state)}" for ref, state in newest)
        case "note":
            return _sentence(value)
        case "word":
            return names.keyword(value)
        case _:
            return str(value)


def _sentence(words: str) -> str:
    """What an officer wrote, on one line and with an end: a sentence of ours follows."""
    words = clip(" ".join(words.split()), LONGEST_NOTE)
    return words if words.endswith((".", "!", "?")) else f"{words}."
