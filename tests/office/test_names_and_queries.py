"""Identifiers that name one thing each, and queries in which a person's text stays text."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lib.core.errors import NotFound
from lib.core.transport import Reply
from lib.office.google.batch import pack, unpack
from lib.office.google.search import gmail_search
from lib.office.identifiers import decode, encode
from lib.office.queries import MailQuery, phrases

ACCOUNT = "acc_0123456789abcdefghijklmn"
OPERATORS = ("OR", "AND", "-", "{", "}", "(", ")", "|", "in:anywhere", "from:x", '"', "\\", "label:x", "AROUND")


@given(st.lists(st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable()), min_size=1, max_size=2))
def test_an_identifier_names_what_it_was_made_of(provider_ids: list[str]) -> None:
    named = decode(encode(ACCOUNT, *provider_ids), parts=len(provider_ids))
    assert (named.account_id, named.provider_ids) == (ACCOUNT, tuple(provider_ids))


@given(st.text(alphabet=f"{ACCOUNT}.-_=AZ", max_size=80) | st.text(max_size=40))
def test_a_text_is_an_identifier_of_one_thing_or_of_none(text: str) -> None:
    try:
        named = decode(text)
    except NotFound:
        return
    assert encode(named.account_id, *named.provider_ids) == text


@given(st.lists(st.sampled_from(OPERATORS) | st.text(max_size=10), max_size=8).map(" ".join))
def test_text_of_a_person_is_always_inside_quotes(text: str) -> None:
    inside = "".join(f'"{phrase}"' for phrase in phrases(text))
    assert inside.count('"') == 2 * len(phrases(text))
    assert "\\" not in inside
    if stripped := text.strip()[:200].strip():
        query = gmail_search(MailQuery(text=stripped, subject=stripped)).q
        outside = "".join(query.split('"')[0::2])
        assert set(outside.replace("subject:", "").split()) <= {"-in:drafts", "-in:chats"}


def test_phrases_are_words_and_what_stands_in_quotes() -> None:
    assert phrases('red "blue sky" gre\\en "" - !') == ["red", "blue sky", "gre en"]


@pytest.mark.parametrize("text", ["", "   ", "x" * 201])
def test_empty_and_endless_words_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        MailQuery(text=text)


@given(
    st.lists(st.tuples(st.sampled_from([200, 404, 503]), st.binary(max_size=80)), min_size=1, max_size=6), st.randoms()
)
def test_a_batch_gives_every_question_its_answer(parts: list[tuple[int, bytes]], random: Random) -> None:
    answers = [
        b"--edge\r\nContent-Type: application/http\r\nContent-ID: <response-part-%d>\r\n\r\n"
        b"HTTP/1.1 %d Reason\r\nContent-Type: application/json\r\n\r\n%s\r\n"
        % (place, status, body.replace(b"--", b""))
        for place, (status, body) in enumerate(parts)
    ]
    random.shuffle(answers)
    reply = Reply(200, {"content-type": 'multipart/mixed; boundary="edge"'}, b"".join(answers) + b"--edge--\r\n")
    assert [answer.status for answer in unpack(reply, len(parts))] == [status for status, _ in parts]


def test_a_batch_asks_by_path_and_names_its_parts() -> None:
    envelope = pack(["https://www.googleapis.com/gmail/v1/users/me/labels?alt=json", "https://x.example/y"])
    assert b"GET /gmail/v1/users/me/labels?alt=json HTTP/1.1" in envelope.body
    assert b"Content-ID: <part-1>" in envelope.body
    assert envelope.body.endswith(envelope.content_type.partition("boundary=")[2].encode() + b"--\r\n")
