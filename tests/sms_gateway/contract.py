"""What every gateway promises, whatever its network does. Each promise is a function of a rig; its name says it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, cast

import pytest

from sms_gateway.gateway import Accepted, GatewayFault, Mt, Policy, Pollable, Refused, State
from sms_gateway.message import Channel
from tests.sms_gateway.rigs import Behaviour, Rig

SOON_S: Final = 5.0  # a rig's gateway has time-outs of a second or less

RECEIPT: Final = "Tumepokea lalamiko. Namba 482 915 633."
LONG: Final = " ".join(f"Sentensi {number} ya ujumbe mrefu." for number in range(20))
AMHARIC: Final = "ቅሬታዎ ደርሶናል። ቁጥር 482 915 633 😀 Mũgũnda"
LONG_AMHARIC: Final = " ".join(f"{number} ቅሬታዎ ደርሶናል።" for number in range(20))


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise that can be tried where the network can do what it `needs`; of `state` where it reports that."""

    keep: Callable[[Rig], None]
    needs: frozenset[Behaviour]
    state: State | None = None

    @property
    def name(self) -> str:
        return self.keep.__name__


PROMISES: Final[list[Promise]] = []


def promise(*needs: Behaviour) -> Callable[[Callable[[Rig], None]], Callable[[Rig], None]]:
    """Put a function among the promises."""

    def note(keep: Callable[[Rig], None]) -> Callable[[Rig], None]:
        PROMISES.append(Promise(keep, frozenset(needs)))
        return keep

    return note


def mt(rig: Rig, text: str = RECEIPT, handset: int = 0, ours: str = "1") -> Mt:
    """A message; `ours` makes its id, which is as long as real ones."""
    return Mt(f"{ours:0>32}", rig.handset(handset), text, sender=None)


def taken(outcome: Accepted | Refused) -> Accepted:
    assert isinstance(outcome, Accepted), outcome
    return outcome


def refused(outcome: Accepted | Refused) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


# Sending


@promise()
def a_message_reaches_its_handset_as_it_is(rig: Rig) -> None:
    [outcome] = rig.gateway.send([mt(rig)])
    taken(outcome)
    assert rig.delivered(1) == [(rig.handset(), RECEIPT)]


@promise()
def nothing_to_send_is_nothing_sent(rig: Rig) -> None:
    assert rig.gateway.send([]) == []
    assert rig.delivered(0) == []


@promise()
def a_hundred_messages_arrive_in_order_each_with_its_outcome(rig: Rig) -> None:
    texts = [f"Ujumbe {number}" for number in range(100)]
    outcomes = rig.gateway.send([mt(rig, text, ours=str(number)) for number, text in enumerate(texts)])
    assert len({taken(outcome).provider_id for outcome in outcomes}) == 100
    assert [text for _, text in rig.delivered(100)] == texts


@promise()
def more_numbers_than_one_request_takes_all_get_the_message(rig: Rig) -> None:
    most = min(rig.gateway.capabilities.max_recipients, 250) + 1
    outcomes = rig.gateway.send([mt(rig, handset=number, ours=str(number)) for number in range(most)])
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert sorted(rig.delivered(most)) == sorted((rig.handset(number), RECEIPT) for number in range(most))


@promise()
def outcomes_stand_in_the_order_of_the_batch_whatever_goes_together(rig: Rig) -> None:
    nobody = Mt("f" * 32, "0712345678", "a", None)
    batch = [mt(rig, "a"), nobody, mt(rig, "b", 1, "2"), mt(rig, "a", 2, "3"), mt(rig, "b", 0, "4")]
    outcomes = rig.gateway.send(batch)
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, False, True, True, True]
    expected = [(one.msisdn, one.text) for one in batch if one is not nobody]
    assert sorted(rig.delivered(4)) == sorted(expected)


@promise()
def a_bad_number_is_refused_for_good_and_troubles_nobody_else(rig: Rig) -> None:
    bad = ["0712345678", "MPESA", "22141", "", "+254712345678,+254722000001"]
    outcomes = rig.gateway.send([*[Mt(number, number, RECEIPT, None) for number in bad], mt(rig)])
    assert {refused(outcome).policy for outcome in outcomes[:-1]} == {Policy.PERMANENT}
    taken(outcomes[-1])
    assert rig.delivered(1) == [(rig.handset(), RECEIPT)]


@promise()
def a_text_without_words_is_refused_for_good_and_troubles_nobody_else(rig: Rig) -> None:
    blanks = ["", " \n", "\x00"]
    outcomes = rig.gateway.send([*[mt(rig, blank) for blank in blanks], mt(rig, ours="2")])
    assert {refused(outcome).policy for outcome in outcomes[:-1]} == {Policy.PERMANENT}
    taken(outcomes[-1])
    assert rig.delivered(1) == [(rig.handset(), RECEIPT)]


@promise()
def the_same_text_twice_to_one_handset_arrives_twice(rig: Rig) -> None:
    first, second = rig.gateway.send([mt(rig), mt(rig, ours="2")])
    assert taken(first).provider_id != taken(second).provider_id
    assert rig.delivered(2) == [(rig.handset(), RECEIPT)] * 2


@promise()
def a_long_text_arrives_whole(rig: Rig) -> None:
    [outcome] = rig.gateway.send([mt(rig, LONG)])
    taken(outcome)
    assert rig.delivered(1) == [(rig.handset(), LONG)]


@promise()
def letters_outside_the_phones_alphabet_arrive_as_they_are(rig: Rig) -> None:
    rig.gateway.send([mt(rig, AMHARIC)])
    assert rig.delivered(1) == [(rig.handset(), AMHARIC)]


@promise()
def a_long_text_outside_the_phones_alphabet_arrives_whole(rig: Rig) -> None:
    rig.gateway.send([mt(rig, LONG_AMHARIC)])
    assert rig.delivered(1) == [(rig.handset(), LONG_AMHARIC)]


@promise()
def signs_that_mean_something_to_programs_arrive_as_they_are(rig: Rig) -> None:
    text = "50% & 'maji' + \"stima\" = {a;b}, [c] \\ $HOME #1 @£?€\nmstari 2"
    rig.gateway.send([mt(rig, text)])
    assert rig.delivered(1) == [(rig.handset(), text)]


@promise()
def half_characters_and_nul_are_left_out_and_the_words_arrive(rig: Rig) -> None:
    rig.gateway.send([mt(rig, "Namba\x00 482\ud83d 915")])
    [(_, text)] = rig.delivered(1)
    assert re.fullmatch(r"Namba 482.? 915", text)


@promise(Behaviour.REFUSES_ONE)
def a_refusal_of_one_is_no_refusal_of_the_others(rig: Rig) -> None:
    with rig.misbehaving(Behaviour.REFUSES_ONE):
        first, second, third = rig.gateway.send([mt(rig, handset=number, ours=str(number)) for number in range(3)])
    taken(first)
    assert refused(second).policy in {Policy.PERMANENT, Policy.DEFER}
    taken(third)
    assert sorted(rig.delivered(2)) == sorted((rig.handset(number), RECEIPT) for number in (0, 2))


@promise(Behaviour.BLACKLISTS)
def who_opted_out_at_the_network_is_not_asked_for_again(rig: Rig) -> None:
    with rig.misbehaving(Behaviour.BLACKLISTS):
        first, second = rig.gateway.send([mt(rig), mt(rig, handset=1, ours="2")])
    taken(first)
    assert refused(second).policy is Policy.SUPPRESS


@promise(Behaviour.THROTTLES)
def too_fast_means_slower_and_nothing_is_lost(rig: Rig) -> None:
    with rig.misbehaving(Behaviour.THROTTLES):
        [outcome] = rig.gateway.send([mt(rig)])
    assert (refused(outcome).policy, refused(outcome).throttled) == (Policy.TRANSIENT, True)
    assert rig.delivered(0) == []


@promise(Behaviour.IS_DEAD)
def a_dead_line_is_tried_again_and_found_out_once_a_batch(rig: Rig) -> None:
    began = monotonic()
    with rig.misbehaving(Behaviour.IS_DEAD):
        outcomes = rig.gateway.send([mt(rig, f"Ujumbe {number}", ours=str(number)) for number in range(20)])
    assert {refused(outcome).policy for outcome in outcomes} <= {Policy.TRANSIENT, Policy.CHANNEL}
    assert monotonic() - began < SOON_S
    assert rig.delivered(0) == []


@promise(Behaviour.FAILS)
def a_fault_inside_the_network_is_tried_again(rig: Rig) -> None:
    with rig.misbehaving(Behaviour.FAILS):
        [outcome] = rig.gateway.send([mt(rig)])
    assert (refused(outcome).policy, refused(outcome).throttled) == (Policy.TRANSIENT, False)


@promise(Behaviour.HANGS)
def silence_may_mean_that_it_was_sent(rig: Rig) -> None:
    began = monotonic()
    with rig.misbehaving(Behaviour.HANGS):
        outcomes = rig.gateway.send([mt(rig, f"Ujumbe {number}", ours=str(number)) for number in range(3)])
    assert monotonic() - began < SOON_S
    _only_what_was_begun_is_in_doubt(outcomes)


@promise(Behaviour.TRICKLES)
def an_answer_without_end_is_silence(rig: Rig) -> None:
    began = monotonic()
    with rig.misbehaving(Behaviour.TRICKLES):
        [outcome] = rig.gateway.send([mt(rig)])
    assert monotonic() - began < SOON_S
    assert refused(outcome).policy is Policy.AMBIGUOUS


@promise(Behaviour.RESETS)
def a_line_that_breaks_after_the_message_was_taken_does_not_send_it_twice(rig: Rig) -> None:
    with rig.misbehaving(Behaviour.RESETS):
        outcomes = rig.gateway.send([mt(rig), mt(rig, "Ujumbe 2", ours="2")])
    _only_what_was_begun_is_in_doubt(outcomes)
    assert rig.delivered(1) == [(rig.handset(), RECEIPT)]


def _only_what_was_begun_is_in_doubt(outcomes: list[Accepted | Refused]) -> None:
    first, *rest = [refused(outcome).policy for outcome in outcomes]
    assert first is Policy.AMBIGUOUS
    assert set(rest) <= {Policy.AMBIGUOUS, Policy.TRANSIENT}


@promise(Behaviour.BABBLES)
def an_answer_that_nobody_can_read_may_mean_that_it_was_sent(rig: Rig) -> None:
    with rig.misbehaving(Behaviour.BABBLES):
        [outcome] = rig.gateway.send([mt(rig)])
    assert refused(outcome).policy is Policy.AMBIGUOUS


@promise(Behaviour.DISOWNS)
def a_fault_of_the_account_is_no_fault_of_the_message(rig: Rig) -> None:
    with rig.misbehaving(Behaviour.DISOWNS):
        outcomes = rig.gateway.send([mt(rig), mt(rig, "Ujumbe 2", 1, "2")])
    assert {refused(outcome).policy for outcome in outcomes} == {Policy.CHANNEL}
    assert rig.delivered(0) == []


def _goes_on_after(how: Behaviour) -> Callable[[Rig], None]:
    """After each misbehaviour the very next message goes out, by the same gateway."""

    def goes_on(rig: Rig) -> None:
        with rig.misbehaving(how):
            rig.gateway.send([mt(rig, "Ujumbe 1", handset=1)])
        [outcome] = rig.gateway.send([mt(rig, ours="2")])
        taken(outcome)

    goes_on.__name__ = f"goes_on_after_a_network_that_{how.name.lower()}"
    return goes_on


def _names_no_number_in(how: Behaviour) -> Callable[[Rig], None]:
    """What is said of a refusal goes into logs: short, and without anybody's number or words."""

    def names_no_number(rig: Rig) -> None:
        with rig.misbehaving(how):
            outcomes = rig.gateway.send([mt(rig, handset=1)])
        told = [(one.code, one.detail) for one in outcomes if isinstance(one, Refused)]
        assert told
        assert all(re.fullmatch(r"[\w.-]{1,40}", code) for code, _ in told)
        assert rig.handset(1)[1:] not in str(told)
        assert RECEIPT not in str(told)

    names_no_number.__name__ = f"names_no_number_when_a_network_{how.name.lower()}"
    return names_no_number


for _how in Behaviour:
    if _how.misbehaves:
        promise(_how)(_goes_on_after(_how))
        promise(_how)(_names_no_number_in(_how))


# Reports


def _reads(state: State) -> Callable[[Rig], None]:
    def reads(rig: Rig) -> None:
        message = mt(rig)
        answer = taken(rig.gateway.send([message])[0])
        report = rig.report(message, answer, state)
        assert (report.provider, report.provider_id) == (rig.gateway.name, answer.provider_id)
        assert report.state is state
        assert report.raw
        assert report.msisdn in {None, message.msisdn}
        assert rig.report(message, answer, state) == report

    reads.__name__ = f"a_report_says_{state}"
    return reads


for _state in (
    State.SUBMITTED,
    State.BUFFERED,
    State.DELIVERED,
    State.UNDELIVERABLE,
    State.EXPIRED,
    State.REJECTED,
    State.UNKNOWN,
):
    PROMISES.append(Promise(_reads(_state), frozenset({Behaviour.REPORTS}), _state))


@promise()
def says_whether_it_reports(rig: Rig) -> None:
    [outcome] = rig.gateway.send([mt(rig)])
    if rig.gateway.capabilities.reports:
        assert taken(outcome).provider_id


# Receiving


@promise(Behaviour.RECEIVES)
def what_a_citizen_sends_is_read_as_it_is(rig: Rig) -> None:
    for number, text in enumerate(["Hakuna maji, Lindi", "50% & 'maji' +1\nmstari 2", "Mũgũnda 😀", "", LONG]):
        [mo] = rig.incoming(rig.handset(), text, f"mo-{number}")
        assert (mo.provider, mo.msisdn, mo.text) == (rig.gateway.name, rig.handset(), text)
        assert mo.short_code


@promise(Behaviour.RECEIVES)
def two_messages_have_two_ids_though_their_words_are_the_same(rig: Rig) -> None:
    [first], [second] = (rig.incoming(rig.handset(), "MAJI", provider_id) for provider_id in ("mo-1", "mo-2"))
    assert first.provider_id != second.provider_id


@promise(Behaviour.RECEIVES, Behaviour.REPEATS)
def a_message_brought_again_has_the_same_id(rig: Rig) -> None:
    [first], [again] = (rig.incoming(rig.handset(), "MAJI", "mo-1") for _ in range(2))
    assert (again.provider, again.provider_id) == (first.provider, first.provider_id)


@promise(Behaviour.RECEIVES, Behaviour.LETTERS)
def a_sender_that_is_no_phone_is_never_taken_for_a_citizen(rig: Rig) -> None:
    for sender in ("MPESA", "22141", "+254900123456"):
        messages = rig.incoming(sender, "Your OTP is 1234", f"mo-{sender}")
        assert [mo.msisdn for mo in messages] in ([], [sender])  # dropped here, or counted where all messages go
    assert len(rig.incoming(rig.handset(), "MAJI", "mo-1")) == 1


@promise(Behaviour.RECEIVES, Behaviour.SURROGATES)
def half_characters_and_nul_are_left_out_of_what_is_read(rig: Rig) -> None:
    [mo] = rig.incoming(rig.handset(), "Hakuna\x00 maji\ud83d", "mo-1")
    assert re.fullmatch(r"Hakuna maji.?", mo.text)
    mo.text.encode()


# Polling


def line(rig: Rig) -> Pollable:
    if not rig.gateway.capabilities.polls:
        raise NotImplementedError
    return cast(Pollable, rig.gateway)


@promise()
def says_whether_it_can_be_polled(rig: Rig) -> None:
    assert hasattr(rig.gateway, "poll") == rig.gateway.capabilities.polls


@promise(Behaviour.IS_POLLED)
def polling_goes_on_where_it_was(rig: Rig) -> None:
    rig.arrive(rig.handset(), "MAJI")
    rig.arrive(rig.handset(1), "STIMA")
    first = line(rig).poll("")
    assert [(mo.msisdn, mo.text) for mo in first.messages] == [(rig.handset(), "MAJI"), (rig.handset(1), "STIMA")]
    rig.arrive(rig.handset(), "BARABARA")
    second = line(rig).poll(first.cursor)
    assert [mo.text for mo in second.messages] == ["BARABARA"]
    assert line(rig).poll(second.cursor).messages == ()


@promise(Behaviour.IS_POLLED)
def what_was_not_stored_is_fetched_again_with_the_same_ids(rig: Rig) -> None:
    rig.arrive(rig.handset(), "MAJI")
    first, again = line(rig).poll(""), line(rig).poll("")
    assert first.messages
    assert again.messages == first.messages


@promise(Behaviour.IS_POLLED)
def nothing_new_leaves_the_cursor_where_it_is(rig: Rig) -> None:
    rig.arrive(rig.handset(), "MAJI")
    cursor = line(rig).poll("").cursor
    for _ in range(3):
        cursor, before = line(rig).poll(cursor).cursor, cursor
        assert line(rig).poll(before).messages == ()


@promise(Behaviour.IS_POLLED, Behaviour.IS_DEAD)
def a_network_that_cannot_be_asked_is_a_fault_told_in_a_sentence(rig: Rig) -> None:
    began = monotonic()
    with rig.misbehaving(Behaviour.IS_DEAD), pytest.raises(GatewayFault, match=r"^[A-Z].+\.$"):
        line(rig).poll("")
    assert monotonic() - began < SOON_S


# What the rest of the house relies on


@promise()
def its_name_fits_the_tables(rig: Rig) -> None:
    assert 0 < len(rig.gateway.name) <= (Channel.name.max_length or 0)
