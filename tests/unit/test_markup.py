"""Markdown of descriptions: what is shown, what is not, and how it reads as plain text."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elonara.markup import ALLOWED_TAGS, html_of, plain_of


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Bring *cake* and **tea**", "<p>Bring <em>cake</em> and <strong>tea</strong></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("# Big", "<h3>Big</h3>"),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>'),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
    ],
)
def test_what_markdown_becomes(text, html):
    assert html_of(text).strip() == html


@pytest.mark.parametrize("text", ["see https://a.example/x", "[here](https://a.example/x)", "<https://a.example/x>"])
def test_links_are_not_followed_by_search_engines(text):
    assert re.search(r'<a href="https://a\.example/x" rel="nofollow ugc noopener noreferrer">', html_of(text))


@pytest.mark.promise("descriptions-harmless")
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://spy.example/pixel.png)",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "[x](JaVaScRiPt&colon;alert(1))",
        "<a href='javascript:x'>x</a>",
        "<style>body{display:none}</style>",
        "<iframe src=//evil.example></iframe>",
        '[x](https://a.example "onmouseover=alert(1)")',
        '[x](https://a.example/"onmouseover="alert(1))',
        "```html\n<script>alert(1)</script>\n```",
        "<svg><a xlink:href='javascript:x'><text>x</text></a></svg>",
        "[x]: javascript:alert(1)\n\n[x]",
        "<form action=//evil.example><input></form>",
    ],
)
def test_nothing_runs_and_nothing_is_fetched(text):
    harmless(html_of(text))


@given(st.text(alphabet="<>[]()!\"'*_`#&;:/= \n-javscriptonhd1.x", max_size=200))
def test_whatever_is_written_only_allowed_elements_come_out(text):
    harmless(html_of(text))
    plain_of(text)


def harmless(html):
    for name, attributes in re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)([^>]*)>", html):
        assert name in ALLOWED_TAGS
        assert set(re.findall(r'\s([a-z-]+)="', attributes)) <= {"href", "rel", "start"}
        for address in re.findall(r'href="([^"]*)"', attributes):
            assert re.match(r"(?:https?:|mailto:|[^:]*$)", address), address


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Bring *cake* and **tea**", "Bring cake and tea"),
        ("# Plan\n\nWalk\nand swim", "Plan\n\nWalk\nand swim"),
        ("- a\n- b\n  - c", "- a\n- b\n  - c"),
        ("1. a\n2. b", "1. a\n2. b"),
        ("[the map](https://a.example/map)", "the map (https://a.example/map)"),
        ("https://a.example/x", "https://a.example/x"),
        ("write to me@a.example", "write to me@a.example"),
        ("![a cat](https://a.example/cat.png)", "a cat (https://a.example/cat.png)"),
        ("a < b &amp; c", "a < b & c"),
        ("", ""),
        ("snake_case stays, 2*3*4 too? yes", "snake_case stays, 234 too? yes"),
    ],
)
def test_plain_text_reads_without_marks(text, plain):
    assert plain_of(text) == plain


@pytest.mark.parametrize("piece", ["[", "![", "*", "**a", "> ", "`", "- ", "<", "[a](", "_a", "&", "https://a.b/"])
def test_no_description_is_slow(piece):
    text = (piece * 5000)[:5000]
    began = time.process_time()
    html_of(text)
    plain_of(text)
    assert time.process_time() - began < 2


def test_a_picture_is_a_link_with_its_words():
    html = html_of("See ![a cat](https://a.example/cat.png) and ![](https://a.example/b.png)")
    assert 'href="https://a.example/cat.png"' in html
    assert ">a cat</a>" in html
    assert ">https://a.example/b.png</a>" in html
    assert "!" not in html
    harmless(html_of('![x"><script>alert(1)</script>](https://a.example/"onerror="x)'))
    harmless(html_of("![x](javascript:alert(1)) ![y](data:text/html;base64,PHNjcmlwdD4=)"))


def test_a_picture_that_is_a_link_leads_where_the_link_does():
    html = html_of("[![the map](https://a.example/map.png)](https://a.example/map)")
    assert html.count("<a ") == 1
    assert 'href="https://a.example/map"' in html
    assert ">the map</a>" in html


@pytest.mark.parametrize(
    "address",
    [
        "/auth/bluesky/start?handle=evil.example", "/%61uth/bluesky/start", "/x/../auth/bluesky/start",
        "https://events.example/auth/bluesky/start?handle=evil.example", "/accounts/logout/", "auth/bluesky/start",
        "//events.example//auth/bluesky/start", "/./accounts/login/",
    ],
)  # fmt: skip
def test_no_link_begins_a_sign_in(address):
    assert "href" not in html_of(f"[Details]({address})", "events.example")


def test_other_pages_of_the_site_can_be_linked():
    for address in ("/events/picnic", "/authors", "/communities/auth", "https://cloud.example/accounts/picnic"):
        assert f'href="{address}"' in html_of(f"[Details]({address})", "events.example")
