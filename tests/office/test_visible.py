"""What is hidden in a mail's HTML reaches neither the text nor the HTML that is shown; what is seen reaches both."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.office.invisible import line, paragraphs, seen
from lib.office.visible import visible

SECRET = "Zanzibar"

HIDING_STYLES = [
    "display:none",
    "DISPLAY : none !important",
    "display:n\\6fne",
    "dis/**/play:none;display:/**/none",
    "visibility:hidden",
    "opacity:0",
    "opacity:0.01",
    "font-size:0",
    "font-size:0px",
    "font-size:1px",
    "font-size:.01em",
    "font:0/0 a",
    "font:italic 1px/1 serif",
    "color:#fff",
    "color:white",
    "color:#FEFEFE",
    "color:rgb(255,255,255)",
    "color:transparent",
    "color:rgba(0,0,0,0)",
    "color:red;background:red",
    "color:#222;background-color:#202020",
    "max-height:0;overflow:hidden",
    "height:0px;width:0px;overflow:hidden",
    "position:absolute;left:-9999px",
    "text-indent:-9999px",
    "clip:rect(0 0 0 0);position:absolute",
    "clip-path:inset(100%)",
    "transform:scale(0)",
]

HIDING_MARKUP = [
    f"<!-- {SECRET} -->",
    f"<script>{SECRET}</script>",
    f"<title>{SECRET}</title>",
    f"<p hidden>{SECRET}</p>",
    f'<font color="#ffffff">{SECRET}</font>',
    f'<table bgcolor="#000000"><tr><td><font color="black">{SECRET}</font></td></tr></table>',
    f'<body bgcolor="navy"><p style="color:#000080">{SECRET}</p>',
    f"<style>.x{{display:none}}</style><p class='a x'>{SECRET}</p>",
    f"<style>#x, p.y {{ font-size : 0 }}</style><p id=x>{SECRET}</p><p class=y>{SECRET}</p>",
    f"<style>div > span.z{{color:white}}</style><div><span class=z>{SECRET}</span></div>",
    f"<style>@media screen{{.x{{display:none}}}}</style><p class=x>{SECRET}</p>",
    f"<style>@media (min-width:1px){{.x{{display:none}}}}</style><p class=x>{SECRET}</p>",
    f"<style>@import url(x);.x{{display:none}}</style><p class=x>{SECRET}</p>",
    f"<style><!-- .x{{display:none}} --></style><p class=x>{SECRET}</p>",
    f"<svg><text>{SECRET}</text></svg>",
    f'<img alt="" src="https://tracker.example/{SECRET}.png">',
    f'<div style="display:none"><div style="display:block"><b>{SECRET}</b></div></div>',
]

SHOWN = [
    '<p style="color:#333">{}</p>',
    '<body style="background:#000"><p style="color:white">{}</p></body>',
    '<body bgcolor=black><table bgcolor="#111111"><tr><td style="color:#fff">{}</td></tr></table></body>',
    '<div style="background:url(https://x.example/dark.png)"><p style="color:white">{}</p></div>',
    '<td style="font-size:0"><span style="font-size:14px">{}</span></td>',
    '<div style="max-height:40px;overflow:hidden">{}</div>',
    '<div style="opacity:0.9;font:bold 12px/1.4 Arial">{}</div>',
    "<style>@media (max-width:600px){{.d{{display:none}}}}</style><p class=d>{}</p>",
    "<style>@media print{{.d{{display:none}}}} .e{{display:none}}</style><p class=d>{}</p>",
    "<style>.dark{{background:#222}}</style><div class=dark><span style='color:#fff'>{}</span></div>",
    "<style>.x{{display:none}}</style><p class=x style='display:block'>{}</p>",
    "<center><h1>{}</h1></center>",
    "<p>a<br>{}<b>c",
]


@pytest.mark.parametrize("style", HIDING_STYLES)
def test_text_hidden_by_its_style_is_not_read(style: str) -> None:
    shown = visible(f'<p>Before <span style="{style}">{SECRET} <b>and {SECRET}</b></span>after</p>')
    assert SECRET not in shown.text + shown.html
    assert shown.text.split() == ["Before", "after"]


@pytest.mark.parametrize("markup", HIDING_MARKUP)
def test_text_hidden_by_markup_is_not_read(markup: str) -> None:
    shown = visible(f"<p>Before</p>{markup}")
    assert SECRET not in shown.text + shown.html
    assert "Before" in shown.text


@pytest.mark.parametrize("template", SHOWN)
def test_text_that_is_seen_is_read(template: str) -> None:
    shown = visible(template.format("Seen"))
    assert "Seen" in shown.text
    assert "Seen" in shown.html


def test_the_text_keeps_lines_lists_and_cells_apart() -> None:
    html = "<p>One<br>two</p><ul><li>three</li><li>four</li></ul><table><tr><td>five</td><td>six</td></tr></table>"
    assert visible(html).text == "One\ntwo\n\n- three\n- four\n\nfive six"


def test_links_are_absolute_and_https_and_pictures_are_the_mails_own() -> None:
    html = """<a href="https://good.example/x?a=1&amp;b=2">1</a><a href="http://plain.example">2</a>
        <a href="javascript:alert(1)">3</a><a href="/relative">4</a><a href="//host.example">5</a>
        <a href="data:text/html,x">6</a><img src="https://t.example/p.gif"><img src="cid:logo"><img src="//t.example/p">
        <div style="background-image:url(https://t.example/b)" background="https://t.example/c" onclick="x()">7</div>
        <form action="https://t.example"><input name=p></form><iframe src="https://t.example"></iframe>
        <link rel=stylesheet href="https://t.example/s.css"><base href="https://t.example/"><meta http-equiv=refresh>"""
    shown = visible(html).html
    assert "https://good.example/x?a=1&amp;b=2" in shown
    assert 'src="cid:logo"' in shown
    for trace in ("plain.example", "javascript", "relative", "host.example", "data:", "t.example", "onclick", "form"):
        assert trace not in shown


def test_without_html_only_the_text_is_made() -> None:
    assert visible("<p>Hello</p>", with_html=False).html == ""


@given(st.text())
@settings(deadline=None)
def test_no_text_breaks_it(text: str) -> None:
    shown = visible(text)
    assert "<script" not in shown.html
    assert seen(shown.text) == shown.text


@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<div style='display:none'>", "</div>", "<td>", "x", "<b", ">", "<!--"]))
)
@settings(deadline=None)
def test_what_is_shown_is_stable(pieces: list[str]) -> None:
    once = visible("".join(pieces)).html
    assert visible(once).html == once


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "<" * 400_000,
        "<b><p>" * 60_000,
        "<table><tr><td>" * 25_000,
        "<style>" + "{" * 300_000,
        "<style>" + "@a{" * 100_000,
        "<style>" + "/*" * 150_000,
        "<style>" * 50_000,
        "<style>"
        + "".join(f".a{n}{{color:red}}" for n in range(20_000))
        + "</style>"
        + "".join(f"<p class='a{n}'>x</p>" for n in range(8_000)),
        "<p style='font:" + "1" * 390_000 + "'>x</p>",
        "<p>x" * 100_000,
        "x" * 5_000_000,
    ],
    ids=lambda html: html[:12],
)
def test_hostile_html_costs_little(html: str) -> None:
    started = time.process_time()
    visible(html)
    assert time.process_time() - started < 5


def test_characters_that_nobody_sees_are_gone() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in SECRET)
    assert line(f"Hel\u200blo{hidden}\u2066 \u00adworld\ufeff\n") == "Hello world"


def test_joiners_stay_where_scripts_and_emoji_need_them() -> None:
    assert seen("👩\u200d🚀 می\u200cخواهم") == "👩\u200d🚀 می\u200cخواهم"
    assert seen("i\u200dg\u200cnore") == "ignore"


def test_paragraphs_have_one_blank_line_between_them() -> None:
    assert paragraphs("a  \r\n\r\n \n\nb\n") == "a\n\nb"
